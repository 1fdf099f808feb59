"""Measurements of a served archive, beside what the fastest known open-source server did with a like load.

python -m bench [--rows start,ingest,search,metadata,wado,zip] [--count 500] [--slices 300]
"""
