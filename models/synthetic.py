"""The site of the synthetic patient, whose pages prove each minute that pages arrive (deploy/synthetic.py). It is nobody's."""

from __future__ import annotations

from typing import Final

SYNTHETIC_SITE: Final = "~synthetic"
"""No sender may write to a site that begins so (streams/intake/admission.py), and no board shows it."""
SYNTHETIC_PHONE: Final = "~phone"
"""The destination of its pages. One whose name begins so is no destination of a clinic: nobody is shown how it does."""
