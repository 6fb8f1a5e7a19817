/**
 * `node tools/complete-lock.ts`, after `npm install` has changed package-lock.json.
 *
 * Native development tools name one optional package a platform. Where a registry does not offer all of them,
 * `npm install` leaves those out of the lock file, and `npm ci` then refuses it as out of step. This adds the missing
 * ones by version and platform; they have no integrity hash, and this platform installs none of them.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './repository.ts';

interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly os?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/** The entries that a lock file lacks: optional packages that a locked one asks for. */
export function missingEntries(lock: Lock): Readonly<Record<string, LockedPackage>> {
  const missing: Record<string, LockedPackage> = {};
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const places = [`node_modules/${name}`, `${path}/node_modules/${name}`];
      if (places.some((place) => place in lock.packages)) continue;
      missing[`node_modules/${name}`] = entryOf(name, version, dev);
    }
  }
  return missing;
}

/** An entry as npm writes it for a package of another platform, told from a name like `…-linux-arm64-musl`. */
function entryOf(name: string, version: string, dev: boolean | undefined): LockedPackage {
  const match = /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)/.exec(name);
  if (match?.[1] === undefined || match[2] === undefined) throw new Error(`${name}: cannot tell its platform`);
  const libc = match[1] === 'linux' ? /-(musl|gnu)/.exec(name)?.[1] : undefined;
  return {
    version,
    cpu: [match[2]],
    ...(dev && { dev }),
    ...(libc !== undefined && { libc: [libc === 'gnu' ? 'glibc' : libc] }),
    optional: true,
    os: [match[1]],
  };
}

if (import.meta.main) {
  const path = join(REPOSITORY, 'package-lock.json');
  const lock = JSON.parse(readFileSync(path, 'utf8')) as Lock;
  const missing = missingEntries(lock);
  const packages = Object.entries({ ...lock.packages, ...missing }).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`);
  console.log(`${Object.keys(missing).length} entries added`);
}
