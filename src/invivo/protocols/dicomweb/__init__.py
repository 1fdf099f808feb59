"""DICOMweb: QIDO-RS, WADO-RS, WADO-URI and STOW-RS below ``/dicom-web`` and ``/wado``; see the README for what is answered."""

from invivo.protocols.dicomweb.routes import routes, service

__all__ = ["routes", "service"]
