"""Studies as files for other programs: DICOM media in a ZIP."""
