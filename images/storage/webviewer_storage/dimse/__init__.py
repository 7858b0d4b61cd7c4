"""The DICOM side: the only place that knows pynetdicom."""
