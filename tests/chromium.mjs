// Unpacks the Chromium of the npm package @sparticuz/chromium below node_modules and prints the path of a program
// that starts it, for tests on machines without a browser. The package's own loader wants a newer Node.
import { execFileSync } from "node:child_process";
import { chmodSync, createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";

const modules = join(dirname(dirname(fileURLToPath(import.meta.url))), "node_modules");
const packed = join(modules, "@sparticuz", "chromium", "bin");
const folder = join(modules, ".chromium");
const starter = join(folder, "start");

async function unpack(name, target) {
  await pipeline(createReadStream(join(packed, name)), createBrotliDecompress(), createWriteStream(target));
}

if (!existsSync(starter)) {
  // Others may unpack at the same time: in a folder of one's own, renamed once it is whole.
  const own = `${folder}-${process.pid}`;
  mkdirSync(join(own, "lib"), { recursive: true });
  await unpack("chromium.br", join(own, "chromium"));
  chmodSync(join(own, "chromium"), 0o755);
  for (const [name, place] of [["al2023", "lib"], ["swiftshader", "."], ["fonts", "."]]) {
    await unpack(`${name}.tar.br`, join(own, `${name}.tar`));
    execFileSync("tar", ["-xf", join(own, `${name}.tar`), "-C", join(own, place)]);
    rmSync(join(own, `${name}.tar`));
  }
  writeFileSync(
    join(own, "start"),
    '#!/bin/sh\nhere=$(dirname "$0")\nexport LD_LIBRARY_PATH="$here/lib/lib:$here/lib:$LD_LIBRARY_PATH"\nexec "$here/chromium" "$@"\n',
    { mode: 0o755 },
  );
  try {
    renameSync(own, folder);
  } catch (error) {
    rmSync(own, { recursive: true });
    if (!existsSync(starter)) throw error;
  }
}
console.log(starter);
