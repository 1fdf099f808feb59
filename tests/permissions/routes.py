"""What each address shows: the table that the permission matrix is driven by. A new route must find its place here.

``public``: nothing of any collection. ``own``: only about who asks. ``known``: a collection's page, for those who may know of
it. ``seen``: what is in a collection, for those who may see it. ``had``: bytes, for those who may have them. ``list-known``
and ``list-seen``: listings over all collections. ``people``: for those with a role in the collection. ``staff``: for
administrators, or curators and submitters, about what is theirs. ``secret``: for whoever has the link. ``change``: POST and
the like: guarded by a verb with tests of its own; the matrix asks that outsiders are refused.
"""

KINDS = ("public", "own", "known", "seen", "had", "list-known", "list-seen", "people", "staff", "secret", "change")

_TABLE = """
public: /static /about /help /survey /survey.csv /survey.json /survey/{kind}/{system_id} /sign-in /health /metrics /register
public: /forgotten /terms /sign-in/with/{provider} /sign-in/oidc /sign-in/code /api /api/openapi.json /api/desk/openapi.json
public: /dicom-web/ /dicom-web/{path:path} /uploads /uploads/{upload} /viewer/ohif
own: /api/me /api/submissions /account /account/profile /account/close /account/password /account/tokens /account/factors /account/factors/authenticator
own: /account/factors/passkey /account/inbox /account/sessions /account/terms /account/renewal /account/profile /cart /access
own: /cart/manifest.tcia /cart/manifest.csv /cart/manifest.txt /cart/package.zip /download /reviewer
own: /cart/manifest.s5cmd /cart/package.tar /cart/compare /cart.json
had: /series/{uid}/converted.zip /series/{uid}/package.tar /studies/{uid}/package.tar /collections/{short_name}/package.tar
secret: /cart/shared/{secret} /cart/shared/{secret}.json
change: /cart/choices/anew /cart/choices/remove /cart/use /cart/new /cart/rename /cart/delete /cart/copy /cart/merge
change: /cart/share /cart/share/revoke
secret: /register/newcomer/{secret} /register/{secret} /invitation/{secret} /password/{secret} /mail/{secret}
secret: /official/{secret} /reviewer/{secret}
list-known: /index /index/latest.json /index/{number:int}.json /index/{number:int}/{table}.parquet
public: /robots.txt
list-known: /sitemap.xml /feed.xml
list-known: / /collections /api/collections /figures /figures.json /figures/{chart}.csv /figures/{chart}.svg /about/assessment /about/assessment.json
known: /collections/{short_name}/use /collections/{short_name}/use.csv /collections/{short_name}/charts/{chart}.csv
known: /collections/{short_name}/charts/{chart}.svg
list-seen: /help/search /help/search.json
list-seen: /search /search.csv /search.json /search.parquet /search/suggest /dicom-web/studies /dicom-web/series /dicom-web/instances
list-seen: /api/search /api/facets /api/changes /search/build /search/outline.json /search/fields.json /search/values.json
own: /searches /api/searches
secret: /searches/{token}
change: /searches /searches/{number:int}
known: /collections/{short_name} /collections/{short_name}.json /collections/{short_name}/data /collections/{short_name}/versions
known: /collections/{short_name}/files /collections/{short_name}/access /collections/{short_name}/metadata
known: /collections/{short_name}/releases/{number:int} /collections/{short_name}/releases/{number:int}/changes
known: /collections/{short_name}/releases/{number:int}/metadata /collections/{collection}/uses /collections/{collection}/uses.json
known: /access/new/{collection} /id/{name} /api/collections/{name} /api/collections/{name}/releases
seen: /series/{uid}/frames.json /api/collections/{name}/subjects/{label} /api/studies/{uid} /api/series/{uid}
seen: /collections/{short_name}/subjects/{label:path} /studies/{uid} /series/{uid} /series/{uid}/files
seen: /series/{uid}/location.json /series/{uid}.json /series/{uid}/header
seen: /dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata
seen: /dicom-web/studies/{study}/series/{series}/metadata /dicom-web/studies/{study}/metadata
seen: /dicom-web/studies/{study}/series /dicom-web/studies/{study}/instances
seen: /dicom-web/studies/{study}/series/{series}/instances
had: /api/series/{uid}/files /series/{uid}/package.zip /series/{uid}/instances/{sop}.dcm /studies/{uid}/package.zip
had: /collections/{short_name}/package.zip /files/{attachment_id:int} /wado
had: /dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered
had: /dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail
had: /dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered /dicom-web/studies/{study}/series/{series}/rendered
had: /dicom-web/studies/{study}/rendered /dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail
had: /dicom-web/studies/{study}/series/{series}/thumbnail /dicom-web/studies/{study}/thumbnail
had: /dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}
had: /dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path:path}
had: /dicom-web/studies/{study}/series/{series}/instances/{instance} /dicom-web/studies/{study}/series/{series}
had: /dicom-web/studies/{study}
people: /api/desk/collections/{name}/asked/{asked} /admin/collections/{collection}/people /admin/collections/{collection}/elsewhere
people: /admin/collections/{collection}/edit /admin/collections/{collection}/rules
people: /admin/collections/{collection}/rules/new /admin/collections/{collection}/rules/dry-run
people: /admin/collections/{collection}/rules/rerun /admin/collections/{collection}/rules/versions/{version:int}
people: /api/desk/collections/{name}/preview /admin/collections/{collection}/credit /releases/{collection} /releases/{collection}/withdraw
people: /access/collections/{collection} /access/collections/{collection}/policy /access/collections/{collection}/groups
people: /access/collections/{collection}/links /access/collections/{collection}/why
people: /admin/collections/{collection}/values /admin/collections/{collection}/values.csv
people: /admin/collections/{collection}/moves /admin/collections/{collection}/gates
change: /admin/collections/{collection}/values/chosen /admin/collections/{collection}/values/clean
change: /admin/collections/{collection}/values/rules /admin/collections/{collection}/moves/undo
staff: /admin/assessment /submissions /submissions/{submission:int} /submissions/{submission:int}/progress.json
staff: /submissions/{submission:int}/upload /submissions/{submission:int}/summary /submissions/{submission:int}/summary.json
staff: /reviews/batches /releases
people: /reviews/checklists/{collection} /reviews/checklists/{collection}/edit
change: /reviews/assign /reviews/batches/{batch:int} /reviews/checklists/{collection}/second-reading
staff: /reviews /reviews/bulk /reviews/{item:int} /reviews/{item:int}/thumbnail /reviews/{item:int}/frames.json
staff: /reviews/{item:int}/objects/{object:int}/frames/{frame:int}/rendered /reviews/{item:int}/objects/{object:int}/tags
staff: /reviews/{item:int}/objects/{object:int}/report.json /reviews/{item:int}/objects/{object:int}/file
staff: /reviews/{item:int}/masks.json /releases/{collection}/done/{number:int} /releases/{collection}/tombstones/{series}
staff: /admin/collections/{collection}/rules/runs/{run:int} /admin/collections/{collection}/rules/runs/{run:int}/progress.json
staff: /admin/collections/{collection}/rules/runs/{run:int}/report.json /access/requests/{request:int}
staff: /access/requests/{request:int}/edit /admin /admin/accounts /admin/accounts/{person:int} /admin/collections /admin/settings
staff: /admin/journal /admin/journal.{form} /admin/collections/new /admin/groups /admin/groups/{group:int} /admin/why
staff: /admin/registrations /admin/invitations /admin/terms /admin/outbox /guids /api/guids /api/guids/{rest:path}
staff: /api/submissions/{submission} /api/desk/submissions /api/desk/submissions/{submission}/progress /api/desk/reviews
staff: /api/desk/reviews/{item} /api/desk/guids/parameters /api/desk/guids /api/desk/guids/{guid}
public: /deposit /helpdesk
secret: /deposit/{secret} /helpdesk/follow/{secret} /helpdesk/tickets/{ticket:int}
own: /proposals /proposals/new /proposals/project /proposals/suggest
staff: /desk/helpdesk /desk/helpdesk/{ticket:int} /proposals/rules /proposals/{proposal:int} /proposals/{proposal:int}/edit
staff: /proposals/{proposal:int}/files/{file:int} /submissions/sites/{short_name} /submissions/{submission:int}/delivery
staff: /submissions/{submission:int}/links
change: /desk/helpdesk/{ticket:int}/change /proposals/rules/agreement /proposals/rules/committee /proposals/rules/questions
change: /proposals/{proposal:int}/countersign /proposals/{proposal:int}/decision /proposals/{proposal:int}/files
change: /proposals/{proposal:int}/files/remove /proposals/{proposal:int}/open /proposals/{proposal:int}/sign
change: /proposals/{proposal:int}/submit /proposals/{proposal:int}/vote /proposals/{proposal:int}/withdraw
change: /submissions/{submission:int}/expected /submissions/{submission:int}/letters /submissions/{submission:int}/links/revoke
change: /submissions/{submission:int}/replacing
change: /cart/add /cart/remove /cart/empty /sign-out /reviewer/leave /account/mail /account/tokens/{token:int}/revoke
change: /account/factors/remove /account/factors/recovery /account/subscriptions /account/identities/remove
change: /account/identities/{provider} /account/sessions/others /account/sessions/{session:int}/end
change: /dicom-web/submissions/{submission}/studies /dicom-web/submissions/{submission}/studies/{study}
change: /submissions/{submission:int}/state /submissions/{submission:int}/senders /submissions/{submission:int}/senders/remove
change: /reviews/{item:int}/decide /reviews/{item:int}/settle /reviews/{item:int}/masks /reviews/{item:int}/masks/undo
change: /admin/collections/{collection}/identifiers /admin/collections/{collection}/people/remove
change: /admin/collections/{collection}/rules/versions/{version:int}/enforce /admin/registrations/{registration:int}
change: /admin/invitations/{invitation:int}/withdraw /admin/accounts/{person:int}/sign-in /admin/outbox/{mail:int}
change: /api/desk/submissions/{submission}/closing /api/desk/reviews/decisions /api/desk/reviews/{item}/masks
change: /api/desk/collections/{name}/releases /api/desk/series/{uid}/withdrawal /api/desk/guids/pseudo
change: /api/desk/guids/{guid}/promotion /guids/pseudo /guids/matches/{match:int}
people: /releases/{collection}/schedule /releases/{collection}/licences /releases/{collection}/derived
people: /releases/{collection}/hooks /releases/{collection}/editor /api/desk/collections/{name}/withdrawal
staff: /releases/{collection}/progress/{schedule:int} /releases/{collection}/hooks/{hook:int} /admin/hooks /admin/hooks/{hook:int}
secret: /editor/{secret}
people: /releases/{collection}/trash /releases/{collection}/holds /releases/{collection}/quality
staff: /admin/trash /admin/reports /admin/reports/history.csv /admin/reports/series.csv
change: /releases/{collection}/trash/{deletion:int}/decide /releases/{collection}/trash/{deletion:int}/restore
change: /releases/{collection}/holds/{hold:int}/lift
change: /releases/{collection}/embargo /releases/{collection}/links /releases/{collection}/links/revoke
change: /releases/{collection}/schedule/cancel
"""

CLASSIFIED = {
    path: line.partition(":")[0] for line in _TABLE.strip().splitlines() for path in line.partition(":")[2].split()
}
