"""Arrow's functions on columns."""

from typing import Any

import pyarrow.compute

# They are made when the module is imported, which a type checker cannot see.
compute: Any = pyarrow.compute
