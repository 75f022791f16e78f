"""The journal against the disk: killed processes, lost power, full disks, broken ones."""
