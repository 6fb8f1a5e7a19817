import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { engineProblem } from '../../../src/host/signer/engines/engines.ts';
import { missing } from './programs.ts';
import { tempDir } from '../temp-dir.ts';

/** Where Debian puts SoftHSM 2's library. */
export const SOFTHSM_LIBRARY = '/usr/lib/softhsm/libsofthsm2.so';

/** A PKCS #11 token in software, with nothing on it yet. */
export interface SoftToken {
  /** `pkcs11:` URI of the keys with the label `ring`. */
  readonly uri: string;
  readonly pin: string;
  readonly pinFile: string;
  readonly folder: string;
  /** For processes that use the token. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Why there can be no token here, for the `skip` option; `false` where there can. */
export async function missingToken(): Promise<string | false> {
  const programs = missing('softhsm2-util', 'pkcs11-tool');
  if (programs !== false) return programs;
  if (!existsSync(SOFTHSM_LIBRARY)) return `${SOFTHSM_LIBRARY} is not there`;
  try {
    await import('pkcs11js');
  } catch {
    return 'pkcs11js was not built at install';
  }
  return (await engineProblem('npm')) === undefined ? false : 'no engine checks signatures here';
}

export function softToken(t: TestContext): SoftToken {
  const folder = tempDir(t);
  const [tokens, configuration, pinFile] = [join(folder, 'tokens'), join(folder, 'softhsm2.conf'), join(folder, 'pin')];
  mkdirSync(tokens);
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  const pin = '271828';
  writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 });
  const environment = { SOFTHSM2_CONF: configuration };
  const { status, stderr } = spawnSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', 'field kit', '--pin', pin, '--so-pin', '31415926'],
    { env: { ...process.env, ...environment }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`softhsm2-util: ${stderr}`);
  const uri = `pkcs11:token=field%20kit;object=ring?module-path=${SOFTHSM_LIBRARY}&pin-source=file:${pinFile}`;
  return { uri, pin, pinFile, folder, environment };
}
