"""Measurements of a served archive beside Orthanc: the same load, in one run, on one machine.

python -m bench [--rows ct_dimse1,qido,...] [--only invivo|orthanc] [--rounds 3] [--quick] [--scale 100000]
python -m bench --collection deidentified
"""
