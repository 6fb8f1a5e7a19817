import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { Secret } from '../../../src/crypto/secret.ts';
import { initAuthority } from '../../../src/daemon/authority/init.ts';
import { type RunningAuthority, runAuthority } from '../../../src/daemon/authority/run.ts';
import type { Log } from '../../../src/daemon/log.ts';
import { tempDir } from '../temp-dir.ts';

export const PASSPHRASE = 'correct horse';

export function passphrase(): Secret {
  return new Secret(new TextEncoder().encode(PASSPHRASE));
}

export const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A real authority in this process, on a free port of loopback. */
export async function startAuthority(
  directory: string,
  options: { readonly mesh?: string; readonly flags?: Readonly<Record<string, unknown>> } = {},
): Promise<RunningAuthority> {
  await initAuthority({ directory, mesh: options.mesh ?? 'depot', passphrase: passphrase() });
  return restartAuthority(directory, options.flags);
}

/** An authority that stands from the first test of a suite to the last, in a folder that is gone then. */
export interface SuiteAuthority {
  readonly folder: string;
  readonly authorityDir: string;
  /** While the tests run. */
  readonly url: string;
}

/** Ask for it where hooks are set up: at the top of a file or of a `describe`. */
export function suiteAuthority(): SuiteAuthority {
  const folder = tempDir({ after });
  const authorityDir = join(folder, 'authority');
  let running: RunningAuthority;
  before(async () => {
    mkdirSync(authorityDir, { mode: 0o700 });
    running = await startAuthority(authorityDir);
  });
  after(() => running.close());
  return {
    folder,
    authorityDir,
    get url() {
      return running.url;
    },
  };
}

/** The authority of a directory that was made before. */
export function restartAuthority(
  directory: string,
  flags: Readonly<Record<string, unknown>> = {},
): Promise<RunningAuthority> {
  return runAuthority({
    directory,
    passphrase: passphrase(),
    environment: {},
    flags: { listen: '127.0.0.1:0', ...flags },
    log: SILENT,
  });
}
