# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Levels of books, read from an exchange's JSON and kept as integers.

A number is kept as its digits without the point, and how many of them are decimals: nothing is
rounded, and the text is the same when it is written again. What does not fit (over 18 digits) is
left to the Python that this stands in for.
"""

from decimal import Decimal

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII
from libc.stdint cimport int64_t
from libc.string cimport memmove

cdef object _Decimal = Decimal

cdef enum:
    MOST_DIGITS = 18
    FIRST = 64
    LONGEST_TEXT = 24


cdef struct Level:
    int64_t price
    int64_t quantity
    int price_decimals
    int quantity_decimals


cdef struct Number:
    int64_t value
    int decimals


cdef const char* _number(const char* at, const char* end, Number* found) noexcept nogil:
    """Read `0.5` or `12.50`: a fraction always, no zeros in front. NULL: it is not one."""
    cdef int64_t value = 0
    cdef int digits = 0, decimals = 0
    if at >= end:
        return NULL
    if at[0] == c'0':
        at += 1
        digits = 1
    else:
        while at < end and c'0' <= at[0] <= c'9':
            if digits == MOST_DIGITS:
                return NULL
            value = value * 10 + (at[0] - c'0')
            digits += 1
            at += 1
    if digits == 0 or at >= end or at[0] != c'.':
        return NULL
    at += 1
    while at < end and c'0' <= at[0] <= c'9':
        if digits == MOST_DIGITS:
            return NULL
        value = value * 10 + (at[0] - c'0')
        digits += 1
        decimals += 1
        at += 1
    if decimals == 0:
        return NULL
    found.value = value
    found.decimals = decimals
    return at


cdef str _text(int64_t value, int decimals):
    """Write a number as it was read."""
    cdef char text[LONGEST_TEXT]
    cdef int at = LONGEST_TEXT, written = 0
    while written <= decimals or value:
        if written == decimals:
            at -= 1
            text[at] = c'.'
        at -= 1
        text[at] = <char>(c'0' + value % 10)
        value //= 10
        written += 1
    return PyUnicode_DecodeASCII(text + at, LONGEST_TEXT - at, NULL)


cdef tuple _level(Level* level):
    return (
        _Decimal(_text(level.price, level.price_decimals)),
        _Decimal(_text(level.quantity, level.quantity_decimals)),
    )


cdef class WrittenSides:
    """Bids and asks of one change, judged; `venuekit.plugin.JsonSides` in C."""

    cdef Level* _levels
    cdef Py_ssize_t _capacity
    cdef Py_ssize_t _starts[3]
    cdef int _decimals[2]  # that many have all prices of the side; -1: not equally many

    def __cinit__(self):
        self._levels = NULL
        self._capacity = 0
        self._starts[0] = self._starts[1] = self._starts[2] = 0
        self._decimals[0] = self._decimals[1] = 0

    def __dealloc__(self):
        PyMem_Free(self._levels)

    cdef bint _reserve(self, Py_ssize_t count) except False:
        self._levels = <Level*>PyMem_Malloc(max(count, 1) * sizeof(Level))
        if self._levels is NULL:
            raise MemoryError
        self._capacity = count
        return True

    cdef bint _read(self, int side, const char* at, const char* end) noexcept:
        """Read `[["price","quantity"],…]`, exactly; False: it is something else."""
        cdef Py_ssize_t count = self._starts[side]
        cdef Level* level
        cdef Number number
        cdef int decimals = 0
        cdef bint is_first = True
        if end - at < 2 or at[0] != c'[' or (end - 1)[0] != c']':
            return False
        at += 1
        end -= 1
        while at < end:
            if not is_first:
                if at[0] != c',':
                    return False
                at += 1
            if count == self._capacity or end - at < 2 or at[0] != c'[' or at[1] != c'"':
                return False
            level = &self._levels[count]
            at = _number(at + 2, end, &number)
            if at is NULL or end - at < 3 or at[0] != c'"' or at[1] != c',' or at[2] != c'"':
                return False
            level.price = number.value
            level.price_decimals = number.decimals
            at = _number(at + 3, end, &number)
            if at is NULL or end - at < 2 or at[0] != c'"' or at[1] != c']':
                return False
            level.quantity = number.value
            level.quantity_decimals = number.decimals
            at += 2
            if is_first:
                decimals = level.price_decimals
                is_first = False
            elif decimals != level.price_decimals:
                decimals = -1
            count += 1
        self._starts[side + 1] = count
        self._decimals[side] = decimals
        return True

    @property
    def texts(self):
        """Quantities by price; of a price that stands twice, the last one."""
        return self._side_texts(0), self._side_texts(1)

    cdef dict _side_texts(self, int side):
        cdef Py_ssize_t i
        cdef Level* level
        cdef dict texts = {}
        for i in range(self._starts[side], self._starts[side + 1]):
            level = &self._levels[i]
            texts[_text(level.price, level.price_decimals)] = _text(
                level.quantity, level.quantity_decimals
            )
        return texts

    def __reduce__(self):
        """Copy it, or send it to another process, as what it was read from."""
        return json_sides, (self._json(0), self._json(1))

    cdef bytes _json(self, int side):
        cdef Py_ssize_t i
        cdef Level* level
        cdef list pairs = []
        for i in range(self._starts[side], self._starts[side + 1]):
            level = &self._levels[i]
            pairs.append(
                '["%s","%s"]' % (
                    _text(level.price, level.price_decimals),
                    _text(level.quantity, level.quantity_decimals),
                )
            )
        return ("[%s]" % ",".join(pairs)).encode()

    def levels(self):
        """Give all bids and asks in the order of the wire, every digit kept."""
        return self._side_levels(0), self._side_levels(1)

    cdef tuple _side_levels(self, int side):
        cdef Py_ssize_t i
        cdef list levels = []
        for i in range(self._starts[side], self._starts[side + 1]):
            levels.append(_level(&self._levels[i]))
        return tuple(levels)


def json_sides(bids, asks):
    """Judge both sides of a change as `venuekit.plugin.json_sides` does.

    None: not written in that way, or of over 18 digits; the other one may still read it.
    """
    cdef Py_buffer bid, ask
    cdef WrittenSides sides = WrittenSides.__new__(WrittenSides)
    cdef const char* start
    cdef bint is_read
    PyObject_GetBuffer(bids, &bid, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(asks, &ask, PyBUF_SIMPLE)
        try:
            # The shortest level, with its comma, has 14 bytes.
            sides._reserve((bid.len + 1) // 14 + (ask.len + 1) // 14)
            start = <const char*>bid.buf
            is_read = sides._read(0, start, start + bid.len)
            if is_read:
                start = <const char*>ask.buf
                is_read = sides._read(1, start, start + ask.len)
        finally:
            PyBuffer_Release(&ask)
    finally:
        PyBuffer_Release(&bid)
    return sides if is_read else None


cdef class Levels:
    """One side of a book whose prices have equally many decimals; the best is found at once.

    Levels lie in order, the best one last: most changes are near it, and move little.
    """

    cdef Level* _levels
    cdef Py_ssize_t _count
    cdef Py_ssize_t _capacity
    cdef int _decimals
    cdef int64_t _sign
    cdef Level _top
    cdef tuple _best  # of `_top`; None: not made yet

    def __cinit__(self, *, bint is_bids):
        self._levels = NULL
        self._count = 0
        self._capacity = 0
        self._decimals = 0
        self._sign = 1 if is_bids else -1
        self._best = None

    def __dealloc__(self):
        PyMem_Free(self._levels)

    def __len__(self):
        """Count the levels."""
        return self._count

    def __iter__(self):
        """Give the levels, best first."""
        cdef Py_ssize_t i = self._count
        while i > 0:
            i -= 1
            if i >= self._count:  # it changed meanwhile
                raise RuntimeError("the book changed while it was read")
            yield _level(&self._levels[i])

    def fill(self, texts):
        """Take levels as plain texts, none twice and none zero; False: they cannot be kept so.

        For an empty side. After False it is not to be used.
        """
        cdef const char* text
        cdef const char* end
        cdef Py_ssize_t size
        cdef Level level
        cdef Number number
        cdef bint is_first = self._count == 0
        for price, quantity in texts:
            text = PyUnicode_AsUTF8AndSize(price, &size)
            end = text + size
            if _number(text, end, &number) != end:
                return False
            level.price = number.value
            level.price_decimals = number.decimals
            text = PyUnicode_AsUTF8AndSize(quantity, &size)
            end = text + size
            if _number(text, end, &number) != end:
                return False
            level.quantity = number.value
            level.quantity_decimals = number.decimals
            if is_first:
                self._decimals = level.price_decimals
                is_first = False
            elif self._decimals != level.price_decimals:
                return False
            self._reserve(1)
            self._set(&level)
        return True

    def apply(self, WrittenSides sides not None, int side):
        """Set levels to absolute quantities; zero removes one. False: it has set nothing.

        Args:
            sides: The change.
            side: 0 for its bids, 1 for its asks.
        """
        cdef Py_ssize_t i
        if side != 0 and side != 1:
            raise ValueError(f"side={side}; 0 or 1")
        cdef Py_ssize_t first = sides._starts[side], last = sides._starts[side + 1]
        if first == last:
            return True
        if sides._decimals[side] != self._decimals:
            if self._count or sides._decimals[side] < 0:
                return False
            self._decimals = sides._decimals[side]
        self._reserve(last - first)
        for i in range(first, last):
            self._set(&sides._levels[i])
        return True

    def texts(self):
        """Give quantities by price, as they were written."""
        cdef Py_ssize_t i
        cdef Level* level
        cdef dict texts = {}
        for i in range(self._count):
            level = &self._levels[i]
            texts[_text(level.price, level.price_decimals)] = _text(
                level.quantity, level.quantity_decimals
            )
        return texts

    @property
    def decimals(self):
        """How many decimals all prices have."""
        return self._decimals

    def cut(self, Py_ssize_t depth):
        """Forget what lies beyond the best `depth` levels."""
        cdef Py_ssize_t extra = self._count - depth
        if depth >= 0 and extra > 0:
            memmove(self._levels, self._levels + extra, depth * sizeof(Level))
            self._count = depth

    def best(self):
        """Give the best level; None if there is none."""
        cdef Level* top
        if self._count == 0:
            return None
        top = &self._levels[self._count - 1]
        if (
            self._best is None
            or top.price != self._top.price
            or top.quantity != self._top.quantity
            or top.quantity_decimals != self._top.quantity_decimals
            or top.price_decimals != self._top.price_decimals
        ):
            self._best = _level(top)
            self._top = top[0]
        return self._best

    cdef bint _reserve(self, Py_ssize_t more) except False:
        """Make room before anything is changed."""
        cdef Py_ssize_t capacity = self._capacity
        cdef Level* levels
        if self._count + more <= capacity:
            return True
        capacity = max(self._count + more, capacity + capacity // 4, FIRST)
        levels = <Level*>PyMem_Realloc(self._levels, capacity * sizeof(Level))
        if levels is NULL:
            raise MemoryError
        self._levels = levels
        self._capacity = capacity
        return True

    cdef void _set(self, Level* level) noexcept:
        cdef Level* levels = self._levels
        cdef int64_t key = level.price * self._sign
        cdef Py_ssize_t low = 0, high = self._count, middle
        while low < high:
            middle = (low + high) >> 1
            if levels[middle].price * self._sign < key:
                low = middle + 1
            else:
                high = middle
        if low < self._count and levels[low].price == level.price:
            if level.quantity:
                levels[low] = level[0]
                return
            self._count -= 1
            memmove(levels + low, levels + low + 1, (self._count - low) * sizeof(Level))
        elif level.quantity:
            memmove(levels + low + 1, levels + low, (self._count - low) * sizeof(Level))
            levels[low] = level[0]
            self._count += 1
