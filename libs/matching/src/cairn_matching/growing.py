"""Arrays that grow by appending, at amortised constant cost."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")


class Growing(Generic[Item]):
    """Items wait in a list until `view` is asked for: an array of all items, valid until more are appended."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._buffer: npt.NDArray[Any] = np.empty(64, dtype=dtype)
        self._filled = 0
        self._waiting: list[Item] = []
        self.append: Callable[[Item], None] = self._waiting.append
        """Put an item at the end."""

    def __len__(self) -> int:
        return self._filled + len(self._waiting)

    def view(self) -> npt.NDArray[Any]:
        """All items."""
        if self._waiting:
            end = len(self)
            if end > len(self._buffer):
                grown = np.empty(max(end, 2 * len(self._buffer)), dtype=self._buffer.dtype)
                grown[: self._filled] = self._buffer[: self._filled]
                self._buffer = grown
            self._buffer[self._filled : end] = self._waiting
            self._filled = end
            self._waiting.clear()
        return self._buffer[: self._filled]
