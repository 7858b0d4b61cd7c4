"""Reading DICOM images: headers, descriptions, where frames lie, and their decoding.

Only :mod:`webviewer.codecs.decode` needs the render role's libraries; all else needs pydicom and NumPy.
"""

from __future__ import annotations

import logging
import warnings

import pydicom.config

# pydicom tells what it thinks of odd values by log lines and warnings that may quote them. Values
# are patient data and oddities are the everyday case here; what matters becomes an exception.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", category=UserWarning, module=r"pydicom(\.|$)")
