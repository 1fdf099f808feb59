"""Every setting once: its name, type, default and one sentence. It feeds the command line, the docs and the admin page.

Order of precedence: flags, then the environment (``INVIVO_SECTION__KEY``), then ``home/invivo.toml``, then the default.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from invivo.errors import Invalid

KB, MB, GB = 1 << 10, 1 << 20, 1 << 30


class SettingsInvalid(Invalid):
    """A setting has an unknown name or a value of the wrong kind."""

    code = "settings.invalid"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    name: str = Field("invivo", description="The archive's name, shown in the header of every page.")
    contact: str = Field("", description="Address for questions, shown on the help page.")
    response_hours: str = Field(
        "", description="When the helpdesk answers, in words, such as `weekdays 9 to 17, within two days`."
    )
    public_url: str = Field(
        "", description="Address under which visitors reach the archive; empty: taken from `http.bind`."
    )


class Http(_Section):
    bind: str = Field("127.0.0.1:8042", description="Host and port of the web door.")
    processes: int = Field(
        1, ge=1, le=64, description="Processes that serve the web door; one a core at most, on Linux more than one."
    )
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only; switch on behind a TLS proxy.")
    trusted_proxies: list[str] = Field(
        default_factory=list,
        description="Addresses or networks of proxies before this server, whose `X-Forwarded-For` is believed.",
    )
    cors_origins: list[str] = Field(
        default_factory=list, description="Origins of other sites whose pages may read the DICOMweb and REST doors."
    )


class Dimse(_Section):
    bind: str = Field("127.0.0.1:11112", description="Host and port of the DICOM (DIMSE) door; empty: closed.")
    aet: str = Field("INVIVO", description="Our own application entity title.")
    max_pdu: int = Field(131072, description="Largest protocol data unit we accept, bytes.")
    max_associations: int = Field(
        256, description="Associations that a process serves at once; further ones are refused for now."
    )
    processes: int = Field(1, ge=1, le=64, description="Processes that serve the DICOM door; one a core at most.")
    max_of_peer: int = Field(200, description="Associations from one address that a process serves at once.")
    idle_timeout_s: float = Field(60.0, description="An association that is silent for so long is ended, seconds.")
    called: list[str] = Field(default_factory=list, description="Called titles that are answered; empty: any.")
    calling: list[str] = Field(default_factory=list, description="Calling titles that are answered; empty: any.")
    peers: dict[str, str] = Field(
        default_factory=dict,
        description="Application entities that objects are sent to: name = HOST:PORT or AET@HOST:PORT.",
    )
    readers: dict[str, str] = Field(
        default_factory=dict,
        description="Peers that read with somebody's rights when they ask from their own address: name = account.",
    )
    most_answers: int = Field(10_000, description="Most answers to one query; beyond it ends with A700H.")
    tls_bind: str = Field(
        "", description="Host and port of the DICOM door by TLS, such as 0.0.0.0:2762; empty: closed."
    )
    tls_certificate: str = Field("", description="File with the certificate chain for TLS, PEM.")
    tls_key: str = Field("", description="File with its key, PEM; empty: in the same file.")
    tls_client_authority: str = Field(
        "", description="File with the authorities whose clients are let in by TLS, PEM; empty: any client."
    )


class Database(_Section):
    dsn: str = Field("", description="PostgreSQL connection string; empty: the embedded server in `home/postgres`.")
    shared_buffers: str = Field("128MB", description="Memory for pages of the embedded server.")
    pool_size: int = Field(8, description="Connections a process keeps at most.")
    statement_timeout_s: float = Field(
        30.0, description="A statement of a web request is ended after so long, seconds."
    )


class Limits(_Section):
    object_bytes: int = Field(32 * GB, description="Largest single object that is received.")
    header_bytes: int = Field(64 * MB, description="Largest DICOM header (all but pixels and bulk) that is read.")
    nesting: int = Field(32, description="Deepest nesting of DICOM sequences that is read.")
    pixels: int = Field(256_000_000, description="Largest frame that is decoded, samples (rows x columns x samples).")
    archive_entries: int = Field(200_000, description="Most files taken out of one ZIP.")
    archive_bytes: int = Field(64 * GB, description="Most bytes taken out of one ZIP.")
    archive_ratio: int = Field(
        200, description="Highest compression ratio of a ZIP entry over 1 MB before it is refused."
    )
    request_bytes: int = Field(4 * MB, description="Largest body of an ordinary request (forms, JSON).")
    page_rows: int = Field(1000, description="Most rows of one page of a listing.")
    cart_series: int = Field(100_000, description="Most series in one cart.")
    free_bytes: int = Field(512 * MB, description="Nothing is received while the disk has less room than this.")
    uploads_open: int = Field(1000, description="Unfinished resumable uploads a person may have.")
    requests_per_minute: int = Field(
        0, ge=0, description="Requests that one account, or one address without one, may ask a minute; 0: any number."
    )
    bytes_per_day: int = Field(
        0,
        ge=0,
        description="Bytes of files that one account, or one address without one, may take a day; 0: any number.",
    )


class Provider(_Section):
    issuer: str = Field(description="Address of the identity provider, as its tokens name it.")
    client_id: str = Field(description="Name of this archive there.")
    client_secret: SecretStr = Field(
        SecretStr(""), description="Its secret; better given by INVIVO_ACCOUNTS__OIDC__NAME__CLIENT_SECRET."
    )
    label: str = Field("", description="What the button says after `Sign in with`.")
    scopes: str = Field("openid email profile", description="What is asked for.")
    trusts_mail: bool = Field(False, description="A mail address that it has verified is not checked again.")


class Accounts(_Section):
    session_hours: int = Field(12, description="A sign-in lasts so long without use, hours.")
    token_days: int = Field(90, description="An API token lasts at most so long, days.")
    password_length: int = Field(10, description="Shortest password that is accepted, characters.")
    attempts: int = Field(
        8, description="Wrong passwords for one name in 15 minutes before a pause; ten times as many for one address."
    )
    registration: Literal["closed", "invited", "moderated", "open"] = Field(
        "closed",
        description="How people get an account: from an administrator, also by an owner's invitation, by asking, by themselves.",
    )
    link_hours: int = Field(24, ge=1, description="A link that is mailed works so long, hours.")
    invitation_days: int = Field(14, ge=1, description="An invitation can be taken so long, days.")
    second_factor: Literal["none", "curators", "all"] = Field(
        "none",
        description="Who must prove who they are in a second way: nobody, who may curate or administer, everybody.",
    )
    renewal_months: int = Field(
        0, ge=0, description="An account must be confirmed by its person after so many months; 0: never."
    )
    oidc: dict[str, Provider] = Field(
        default_factory=dict,
        description="Identity providers (OpenID Connect): name = issuer, client_id, client_secret, label, scopes, trusts_mail.",
    )


class Work(_Section):
    concurrency: int = Field(1, description="Jobs that one worker process runs at once.")
    stalled_after_s: float = Field(20.0, description="A job whose worker is silent for so long is given to another.")
    sweep_s: int = Field(30, description="How often forgotten work is looked for, seconds.")
    upload_days: int = Field(7, description="An unfinished upload is thrown away after so many days.")
    fixity_s: float = Field(
        1.0,
        ge=0,
        description="For how long, each `work.sweep_s`, stored objects are read again and compared; 0: never.",
    )
    fixity_days: int = Field(90, ge=1, description="All stored objects are read again after so many days.")


class Usage(_Section):
    countries: bool = Field(
        False, description="Count from how many countries people come, by what they say in their profile."
    )
    robots: list[str] = Field(
        default_factory=list, description="Further words in the name of a program that make it a robot, not counted."
    )
    watched: str = Field(
        "",
        description="Address whose `/health` tells whether the archive answers; empty: the web door on this machine.",
    )


class Search(_Section):
    columns_from_series: int = Field(
        20_000,
        ge=0,
        description="From so many series on a process that searches keeps their columns in memory, some 300 bytes a series.",
    )


class Collections(_Section):
    access: Literal["open", "registered", "controlled", "embargoed", "private"] = Field(
        "open", description="Access class that a new collection begins with."
    )
    licence: str = Field("CC-BY-4.0", description="Licence that a new collection begins with, an SPDX identifier.")
    review: Literal["person", "two-persons", "on-receipt"] = Field(
        "person", description="Who decides on a release of a new collection: a curator, two, or the automatic steps."
    )
    profile: Literal["tcia", "basic", "verify"] = Field(
        "tcia", description="Profile of de-identification that a new collection begins with."
    )
    hides_metadata: bool = Field(
        False, description="A new collection shows its page only, to whom may not have its data."
    )
    request_form: Literal["simple", "application"] = Field(
        "application", description="How people ask a new collection for its data: in a few words, or by an application."
    )
    vote_rule: Literal["one", "majority", "all"] = Field(
        "one", description="How many of a new collection's committee must be for an application."
    )
    term_months: int = Field(12, ge=1, le=120, description="How long an approval lasts in a new collection, months.")
    needs_affiliation: bool = Field(False, description="Who applies to a new collection must say where they work.")
    needs_factor: bool = Field(
        False, description="An approval of a new collection holds after a sign-in with a second factor only."
    )
    checklist: list[str] = Field(
        default_factory=list,
        description="Steps of the checklist that a new collection's releases need; empty: no checklist.",
    )


class Submissions(_Section):
    deposit: Literal["invitation", "proposal", "own-projects", "official", "suggestion", "closed"] = Field(
        "proposal",
        description="How data come in: by an owner's invitation, by a proposal that a committee accepts, into projects that"
        " anybody with an account makes, from official accounts only, by a suggestion that a moderator takes up, not at all.",
    )
    notice: str = Field(
        "", description="What people read who would like to deposit and may not; empty: a sentence that says why."
    )
    decision: Literal["one", "majority", "all"] = Field(
        "one", description="How many members of the committee must be for a proposal before it is accepted."
    )
    attachment_bytes: int = Field(20 * MB, description="Largest file attached to a proposal.")
    attachments: int = Field(20, description="Most files attached to one proposal.")
    own_projects: int = Field(20, description="Most projects that one person may make where people make their own.")
    own_access: Literal["private", "open", "registered", "controlled"] = Field(
        "private", description="Access class that such a project begins with."
    )
    link_days: int = Field(30, description="An upload link works at most so long, days.")


class Inhouse(_Section):
    identified: bool = Field(
        False,
        description="Collections may keep objects as they come, with all that tells who people are (review `direct`).",
    )
    network: bool = Field(
        False,
        description="Such an archive may listen on a network: whoever reaches it there reads what is in it.",
    )


class Groups(_Section):
    lists: list[str] = Field(
        default_factory=list,
        description="Beginnings of the addresses from which lists of groups' people may be read; empty: none.",
    )
    private: bool = Field(False, description="Such a list may lie in a private network or on this machine.")
    sync_minutes: int = Field(60, ge=1, description="How often the lists are read, minutes.")


class Mail(_Section):
    host: str = Field("", description="Mail server (SMTP); empty: messages stay in the inboxes and in the outbox.")
    port: int = Field(25, description="Its port.")
    security: Literal["none", "starttls", "tls"] = Field("none", description="How the connection to it is secured.")
    user: str = Field("", description="Account at the mail server; empty: without.")
    password: SecretStr = Field(SecretStr(""), description="Its password; better given by INVIVO_MAIL__PASSWORD.")
    sender: str = Field("", description="Address that mail comes from.")


class DataCite(_Section):
    url: str = Field("https://api.datacite.org", description="Address of DataCite's REST service.")
    prefix: str = Field("", description="DOI prefix of the archive, such as 10.7937; empty: identifiers are local.")
    account: str = Field("", description="Repository account at DataCite; empty: identifiers are local.")
    password: SecretStr = Field(SecretStr(""), description="Its password; better given by INVIVO_DATACITE__PASSWORD.")


class Releases(_Section):
    reminder_days: list[int] = Field(
        default_factory=lambda: [30, 7, 1],
        description="How many days before an embargo ends or a scheduled release is made its people are reminded.",
    )
    trash_days: int = Field(
        28,
        ge=0,
        le=3650,
        description="What is marked for deletion can be restored for so many days before it is deleted.",
    )


class Hooks(_Section):
    private: bool = Field(
        False,
        description="Webhooks may lead to this machine and to private networks, also without TLS; for tests and closed networks.",
    )
    timeout_s: float = Field(10.0, gt=0, le=60, description="A webhook must answer within so long, seconds.")
    failures: int = Field(12, ge=1, description="A webhook that fails so often in a row is switched off.")
    most: int = Field(20, ge=1, description="Most webhooks of a collection, and of the archive.")


SECTIONS: dict[str, type[_Section]] = {
    "site": Site,
    "http": Http,
    "dimse": Dimse,
    "database": Database,
    "limits": Limits,
    "accounts": Accounts,
    "work": Work,
    "collections": Collections,
    "submissions": Submissions,
    "inhouse": Inhouse,
    "groups": Groups,
    "mail": Mail,
    "datacite": DataCite,
    "releases": Releases,
    "hooks": Hooks,
    "usage": Usage,
}


class Settings(BaseSettings):
    """All settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix="INVIVO_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )
    toml: ClassVar[dict[str, Any]] = {}

    home: Path = Field(Path("home"), description="The one folder of an installation.")
    site: Site = Site()
    http: Http = Http()
    dimse: Dimse = Dimse()
    database: Database = Database()
    limits: Limits = Limits()
    accounts: Accounts = Accounts()
    work: Work = Work()
    collections: Collections = Collections()
    submissions: Submissions = Submissions()
    inhouse: Inhouse = Inhouse()
    groups: Groups = Groups()
    mail: Mail = Mail()
    datacite: DataCite = DataCite()
    releases: Releases = Releases()
    hooks: Hooks = Hooks()
    usage: Usage = Usage()
    search: Search = Search()

    @classmethod
    def settings_customise_sources(  # noqa: PLR0913
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings)

    @property
    def http_address(self) -> tuple[str, int]:
        return _address(self.http.bind, "http.bind")

    @property
    def dimse_address(self) -> tuple[str, int]:
        return _address(self.dimse.bind, "dimse.bind")

    @property
    def dimse_tls_address(self) -> tuple[str, int]:
        return _address(self.dimse.tls_bind, "dimse.tls_bind")

    @property
    def public_url(self) -> str:
        """Address under which visitors reach the archive, without a slash at the end."""
        return (self.site.public_url or f"http://{self.http.bind}").rstrip("/")


def _address(text: str, name: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) < 65536:
        raise SettingsInvalid(f"{name} must be HOST:PORT, such as 127.0.0.1:8042.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _from_environment() -> dict[str, Any]:
    """Read INVIVO_SECTION__KEY; a name that no setting has is left to the strict check below."""
    found: dict[str, Any] = {}
    for variable, value in os.environ.items():
        section, two, key = variable.removeprefix("INVIVO_").lower().partition("__")
        if variable.startswith("INVIVO_") and two and section in SECTIONS:
            *tables, name = key.split("__")  # tables in it, such as INVIVO_DIMSE__PEERS__BENCH
            place = found.setdefault(section, {})
            for table in tables:
                place = place.setdefault(table, {})
            place[name] = value
    return found


def read_settings(home: Path | None = None, **flags: Any) -> Settings:
    """Read the settings of the installation in a folder.

    Parameters
    ----------
    home : Path, optional
        The installation's folder; else ``INVIVO_HOME``, else ``./home``.
    **flags
        Sections with values that win over all else: ``read_settings(home, http={"bind": "127.0.0.1:0"})``.

    Raises
    ------
    SettingsInvalid
        A name is unknown, a value has the wrong kind, or ``invivo.toml`` does not parse.
    """
    folder = Path(home or os.environ.get("INVIVO_HOME") or "home").absolute()
    written = folder / "invivo.toml"
    try:
        from_file = tomllib.loads(written.read_text("utf-8")) if written.is_file() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{written.name} does not parse: {error}") from error
    unknown = sorted(set(from_file) - set(SECTIONS))
    if unknown:
        raise SettingsInvalid(f"{written.name} has an unknown section [{unknown[0]}]; known are {', '.join(SECTIONS)}.")
    try:
        return Settings(home=folder, **_merge(_merge(from_file, _from_environment()), flags))
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsInvalid(f"Setting {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def documented() -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, type, default, sentence) of every setting, in order."""
    yield "home", "path", "home", str(Settings.model_fields["home"].description)
    for section, model in SECTIONS.items():
        for key, field in model.model_fields.items():
            kind = getattr(field.annotation, "__name__", str(field.annotation))
            default = field.get_default(call_default_factory=True, validated_data={})
            yield f"{section}.{key}", kind, str(default), str(field.description)
