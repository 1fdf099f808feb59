/* What was dropped or chosen: walk folders, leave out what no archive wants, and look at the first bytes. */
const JUNK = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|autorun\.inf|\._[^/]*|__MACOSX\/.*)$/i;
const PROGRAM = /\.(exe|dll|msi|bat|cmd|com|app|jar|so|dylib|ini|inf|ico|lnk|chm|cab)$/i;
const OTHER = /\.(txt|pdf|csv|tsv|xlsx?|ods|docx?|odt|rtf|jpe?g|png|gif|bmp|tiff?|xml|json|html?|css|js|md|log|nii|nrrd|mha|mhd|raw|mp4|avi|bvals?|bvecs?)(\.gz)?$/i;
const PEEKS_AT_ONCE = 12;

/** Read all entries of a folder; a browser gives at most a hundred at a time. */
async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

async function* walk(entry, under) {
  const path = under ? `${under}/${entry.name}` : entry.name;
  if (entry.isFile) yield { path, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) };
  else for (const child of await children(entry)) yield* walk(child, path);
}

/** Files of a drop. The entries are taken before the first await: afterwards the browser has emptied the list. */
export function filesOfDrop(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  return (async function* read() {
    for (const entry of entries) {
      if (entry instanceof File) yield { path: entry.name, file: entry };
      else if (entry) yield* walk(entry, "");
    }
  })();
}

export async function* filesOfInput(input) {
  for (const file of input.files) yield { path: file.webkitRelativePath || file.name, file };
}

/** "junk" | "program" | "dicomdir" | "zip" | "dicom" | "other" | "unclear" (no preamble, perhaps DICOM all the same). */
export async function kindOf({ path, file }) {
  if (JUNK.test(path) || file.size === 0) return "junk";
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.toUpperCase() === "DICOMDIR") return "dicomdir";
  if (PROGRAM.test(name)) return "program";
  let head;
  try {
    head = new Uint8Array(await file.slice(0, 132).arrayBuffer());
  } catch {
    return "unclear";
  }
  if (head.length === 132 && String.fromCharCode(...head.slice(128)) === "DICM") return "dicom";
  if (head[0] === 0x50 && head[1] === 0x4b && /\.zip$/i.test(name)) return "zip";
  return OTHER.test(name) ? "other" : "unclear";
}

/** Look at all files, some at a time; tells `onSeen(count)` on the way. Gives [{ path, file, kind }]. */
export async function understand(files, onSeen) {
  const seen = [];
  const looking = new Set();
  for await (const found of files) {
    const look = kindOf(found).then((kind) => { seen.push({ ...found, kind }); looking.delete(look); });
    looking.add(look);
    if (looking.size >= PEEKS_AT_ONCE) await Promise.race(looking);
    if (seen.length % 200 === 0) onSeen(seen.length);
  }
  await Promise.all(looking);
  return seen.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
