// Bundles the JavaScript of dashboard/components into what the browser gets.
//
//   node scripts/bundle.mjs           writes the bundles
//   node scripts/bundle.mjs --check   exits with 1 where a bundle is not what its sources give
//
// A bundle's first lines carry the SHA-256 of its sources, so that a machine without Node can tell
// whether it is up to date (tests/test_bundles.py computes the same).
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const COMPONENTS = fileURLToPath(new URL("../dashboard/components/", import.meta.url));
const BUNDLES = {
  "viewer/bundle.js": "viewer/src/main.js",
  "volume_viewer/bundle.js": "volume_viewer/src/main.js",
  "compare_viewer/bundle.js": "compare_viewer/src/main.js",
  "threshold_board/bundle.js": "threshold_board/src/main.js",
  "threshold_board/delivery.bundle.js": "threshold_board/src/delivery.js",
};

/**
 * The digest of all modules that may end up in a bundle: its own folder's and the shared ones.
 * @param {string} entry
 */
function digestOf(entry) {
  const hash = createHash("sha256");
  for (const folder of ["shared", entry.slice(0, entry.lastIndexOf("/"))]) {
    const found = readdirSync(COMPONENTS + folder, { recursive: true, encoding: "utf8" });
    const names = found.filter((name) => name.endsWith(".js")).map((name) => name.replaceAll("\\", "/"));
    for (const name of names.sort()) {
      hash.update(`${folder}/${name}\n`).update(readFileSync(`${COMPONENTS}${folder}/${name}`));
    }
  }
  return hash.digest("hex");
}

/** @param {string} entry */
async function bundled(entry) {
  const banner =
    `// Generated from ${entry} by "make js"; edit the sources, not this file.\n` +
    `// Sources: sha256 ${digestOf(entry)}`;
  const { outputFiles } = await build({
    absWorkingDir: COMPONENTS,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    banner: { js: banner },
  });
  return outputFiles[0].text;
}

const checks = process.argv.includes("--check");
for (const [bundle, entry] of Object.entries(BUNDLES)) {
  const text = await bundled(entry);
  if (!checks) {
    writeFileSync(COMPONENTS + bundle, text);
  } else if (readFileSync(COMPONENTS + bundle, "utf8") !== text) {
    console.error(`dashboard/components/${bundle} is not up to date: run "make js"`);
    process.exitCode = 1;
  }
}
