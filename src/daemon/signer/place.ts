import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MeshError, quoted } from '../../base/errors.ts';
import { fileRing, type Ring, tokenRing } from '../../host/signer/keys/ring.ts';
import { SqliteRecordStore } from '../../host/signer/sqlite/record-store.ts';
import { isTokenUri } from '../../host/signer/token/token-uri.ts';
import type { BatchSigner, SigningEngine } from '../../ports/batch-signer.ts';
import type { RecordStore } from '../../ports/record-store.ts';
import { makeDirectory } from '../directory.ts';

/** Where records and keys are, as the command line says. */
export interface SignerPlace {
  /** A directory of ours. */
  readonly dir: string | undefined;
  /** `mongodb://…` instead of it. */
  readonly store: string | undefined;
  /** A key file or folder, or the `pkcs11:` URI of a token; by default `DIR/keys.json`. */
  readonly keys: string | undefined;
}

/** @throws ERR_USAGE unless one of `--dir` and `--store` is given. */
export function checkPlace(place: SignerPlace): void {
  if (place.dir === undefined && place.store === undefined)
    throw new MeshError('ERR_USAGE', 'neither --dir nor --store is given', 'say where the records are: --dir DIR');
  if (place.store !== undefined && !/^mongodb(?:\+srv)?:\/\//.test(place.store))
    throw new MeshError('ERR_USAGE', 'the store is no mongodb:// address');
}

/**
 * Opens the store of a place.
 * @param isNew make the directory and the store where they are missing.
 * @throws ERR_DIR_NOT_INITIALISED, ERR_STORE, ERR_STATE_...
 */
export async function openRecordStore(place: SignerPlace, isNew: boolean): Promise<RecordStore> {
  checkPlace(place);
  if (place.store !== undefined) {
    const { MongoRecordStore } = await import('../../host/signer/mongo/record-store.ts');
    return MongoRecordStore.open(place.store);
  }
  const directory = resolve(place.dir as string);
  const path = join(directory, 'signer.db');
  if (isNew) makeDirectory(directory);
  else if (!existsSync(path))
    throw new MeshError(
      'ERR_DIR_NOT_INITIALISED',
      `there are no records in ${quoted(directory)}`,
      `chainmail signer import --dir ${directory} FILE`,
    );
  return SqliteRecordStore.open(path);
}

/** Where the keys of a place are: a path, or a `pkcs11:` URI. @throws ERR_USAGE where only a store is given. */
export function keysPath(
  { dir, keys }: SignerPlace,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const named = keys ?? environment['CHAINMAIL_SIGNER_KEYS'];
  if (named !== undefined) {
    if (isTokenUri(named)) return named;
    refuseKey(named);
    return resolve(named);
  }
  if (dir === undefined)
    throw new MeshError('ERR_USAGE', '--store needs --keys', 'name the key file or folder with --keys');
  return join(resolve(dir), 'keys.json');
}

/** @throws ERR_USAGE where a key was given in the place of its file: an error that named the file would show it. */
function refuseKey(text: string): void {
  if (!/[0-9A-Fa-f]{64}/.test(text) || existsSync(text)) return;
  throw new MeshError(
    'ERR_USAGE',
    'there is a key where the file or folder with keys is expected',
    'write it to a file, mode 0600; whoever saw this command line or environment has the key now',
  );
}

/** The ring of a place; the caller disposes of it. @throws ERR_RING_MISSING, ERR_KEY, ERR_KEY_FILE_MODE, ERR_USAGE */
export function loadRing(place: SignerPlace, environment: Readonly<Record<string, string | undefined>>): Ring {
  const where = keysPath(place, environment);
  return isTokenUri(where) ? tokenRing(where, environment['CHAINMAIL_SIGNER_PIN_FILE']) : fileRing(where);
}

/** A signer with the ring of a place. @throws as {@link loadRing}, and ERR_ENGINE, ERR_KEY_TOKEN */
export async function openRingSigner(
  place: SignerPlace,
  environment: Readonly<Record<string, string | undefined>>,
  engine: SigningEngine | undefined,
): Promise<BatchSigner> {
  using ring = loadRing(place, environment);
  return await ring.open(engine);
}
