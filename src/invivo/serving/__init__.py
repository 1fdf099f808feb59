"""The composition: which doors make up which process, and the tree of processes that `invivo serve` keeps alive.

This is the only place that knows all doors. Processes: *web* (public database role), *desk* (staff role; reached through
*web* only), *dimse* (public role), *worker* (staff role), and the embedded PostgreSQL.
"""

from invivo.serving.application import desk_application, public_application
from invivo.serving.process import ROLES, configure_log, run_role
from invivo.serving.supervisor import Tree, forget_signals, serve
from invivo.serving.viewer import ViewerUnavailable, install_viewer, viewer_folder

__all__ = [
    "ROLES",
    "Tree",
    "ViewerUnavailable",
    "configure_log",
    "desk_application",
    "forget_signals",
    "install_viewer",
    "public_application",
    "run_role",
    "serve",
    "viewer_folder",
]
