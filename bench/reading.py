"""Asking and fetching by HTTP: QIDO, metadata, whole series, frames, pictures and packages."""

from collections.abc import Iterator
from statistics import median, quantiles

from bench.loads import Load
from bench.server import Server
from bench.table import Figure
from bench.wire import JSON, Connection, Refused, times_ms, together

OBJECTS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
FRAMES = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
JPEG = {"Accept": "image/jpeg"}
PAGE = 80
CT_BYTES = 524_288 + 5_600  # pixels and header of one slice


def _study(load: Load) -> str:
    return f"/dicom-web/studies/{load.study_uid(0)}"


def spread(row: str, taken: list[float]) -> Iterator[Figure]:
    """Yield the middle and the slow end of some times in ms."""
    yield Figure(row, "p50 ms", median(taken))
    yield Figure(row, "p95 ms", quantiles(taken, n=20)[-1])


def searching(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the figures of QIDO by identifier and of a page, over the index that all loads together made."""
    connection = Connection(server.http)
    some = [study * 7 % load.studies for study in range(200)]
    yield from _asking(connection, "study_by_patientid", [f"PatientID={load.patient(one)}" for one in some])
    yield from _asking(connection, "study_by_uid", [f"StudyInstanceUID={load.study_uid(one)}" for one in some])
    yield from _asking(connection, f"study_page_{PAGE}", [f"limit={PAGE}"] * 33)
    series = [f"/dicom-web/studies/{load.study_uid(one)}/series" for one in some]
    yield from spread("qido.series_of_study", times_ms(connection, series, JSON))


def searching_names(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the figures of QIDO by a name's beginning and by a part of it, one hit each."""
    connection = Connection(server.http)
    names = [load.family(study * 7 % load.studies) for study in range(200)]
    yield from _asking(connection, "study_by_name_wildcard", [f"PatientName={name}*" for name in names])
    yield from _asking(connection, "study_by_name_infix", [f"PatientName=*{name[4:]}*" for name in names])


def _asking(connection: Connection, row: str, queries: list[str]) -> Iterator[Figure]:
    paths = [f"/dicom-web/studies?{query}" for query in queries]
    times_ms(connection, paths[:3], JSON)
    yield from spread(f"qido.{row}", times_ms(connection, paths, JSON))


def metadata(server: Server, series: Load, study: Load) -> Iterator[Figure]:
    """Yield how long metadata take the first time and afterwards: of a series of 300, of a study of 1,000."""
    for row, load, path in (
        (f"wado.metadata_series{series.count}", series, f"{_study(series)}/series/{series.series_uid(0)}"),
        (f"wado.metadata_study{study.count}", study, _study(study)),
    ):
        taken = times_ms(Connection(server.http), [f"{path}/metadata"] * 11, JSON, least=load.count * 1000)
        yield Figure(row, "first ms", taken[0])
        yield Figure(row, "warm ms", median(taken[1:]))


def whole_series(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the rate of a whole series as stored, to one client and to four."""
    path = f"{_study(load)}/series/{load.series_uid(0)}"
    times_ms(Connection(server.http), [path], OBJECTS, least=int(load.count * CT_BYTES))
    for clients in (1, 4):

        def client(_: int) -> int:
            connection, size = Connection(server.http), 0
            for _ in range(3):
                size += connection.drain(path, OBJECTS)
            return size

        size, seconds = together(clients, client)
        yield Figure(f"wado.series_ct_{clients}client{'s' * (clients > 1)}", "MB/s", size / 1e6 / seconds)


def _instances(load: Load, count: int = 300) -> list[str]:
    place = f"{_study(load)}/series/{load.series_uid(0)}/instances"
    return [f"{place}/{load.instance_uid(number)}" for number in range(min(count, load.per_series, load.count))]


def frames(server: Server, load: Load) -> Iterator[Figure]:
    """Yield how long a frame takes, and how many four clients get in a second."""
    paths = [f"{path}/frames/1" for path in _instances(load)]
    yield from spread("wado.frame_ct", times_ms(Connection(server.http), paths[:200], FRAMES, least=512 * 512 * 2))

    def client(number: int) -> int:
        connection = Connection(server.http)
        for path in paths[number * 50 :] + paths[: number * 50]:
            connection.drain(path, FRAMES)
        return len(paths)

    asked, seconds = together(4, client)
    yield Figure("wado.frame_ct_4clients", "requests/s", asked / seconds)


def frames_of_one(server: Server, load: Load) -> Iterator[Figure]:
    """Yield how long a frame of an object of 200 frames takes."""
    path = _instances(load)[0]
    paths = [f"{path}/frames/{number * 37 % 200 + 1}" for number in range(200)]
    yield from spread("wado.frame_multiframe", times_ms(Connection(server.http), paths, FRAMES, least=256 * 256 * 2))


def pictures(server: Server, load: Load) -> Iterator[Figure]:
    """Yield how long a JPEG takes: one that was never asked for, one that was, and a thumbnail of each kind."""
    places = _instances(load)
    connection = Connection(server.http)
    for row, name in {"wado.rendered_jpeg": "rendered", "wado.thumbnail_jpeg": "thumbnail"}.items():
        try:
            yield Figure(row, "first ms", median(times_ms(connection, [f"{one}/{name}" for one in places[:60]], JPEG)))
            yield Figure(row, "cached ms", median(times_ms(connection, [f"{places[0]}/{name}"] * 100, JPEG)))
        except Refused:
            connection.close()  # Orthanc 1.10 has no thumbnails


def packing(server: Server, load: Load) -> Iterator[Figure]:
    """Yield the rate of a study as ZIP; what counts is the bytes of the objects in it, packed or not."""
    path, size = server.package(load.study_uid(0)), load.count * CT_BYTES / 1e6
    (taken,) = times_ms(Connection(server.http), [path], {}, least=load.count * 10_000)
    yield Figure("zip.study", "MB/s", size / (taken / 1000))
