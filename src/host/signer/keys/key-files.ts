import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Bytes, textOfUtf8 } from '../../../base/bytes.ts';
import { isMeshError, MeshError, quoted } from '../../../base/errors.ts';
import { Secret } from '../../../crypto/secret.ts';
import { SECP256K1_KEY_BYTES, secp256k1PublicKey } from '../../../crypto/secp256k1/key.ts';
import type { Random } from '../../../ports/random.ts';
import { RING_KEYS_MAX } from '../../../signer/key-ring.ts';
import { createFileAtomic, MODE_SECRET } from '../../files/atomic-file.ts';
import { cannotWrite } from '../../files/new-file.ts';
import { readSecretFile } from '../../files/secret-file.ts';
import { readMountedSecret } from './mounted-secret.ts';
import { parseJson } from '../../../codec/json.ts';

/** Bytes of a file that holds one key: 0x, 64 digits, and white space that editors add. */
export const KEY_FILE_BYTES_MAX = 256;

const EXPECTED = 'expected {"keys":["0x…"]}';

const keyFileSchema = z.strictObject({ keys: z.array(z.string()).min(1).max(RING_KEYS_MAX) });

/**
 * The private keys of a ring, in order: of a file `{"keys":["0x…"]}`, or of a folder with one hexadecimal key a file,
 * in the order of the names (as Kubernetes mounts a secret).
 *
 * What is wrong is told by file and place, never by content.
 *
 * @throws ERR_RING_MISSING where there is nothing; ERR_KEY_FILE_MODE; ERR_KEY for a malformed key or one that is there
 * twice.
 */
export function loadKeyFiles(path: string): readonly Secret[] {
  const keys = isFolder(path) ? keysOfFolder(path) : keysOfFile(path);
  const seen = new Map<string, number>();
  for (const [i, key] of keys.entries()) {
    let name: string;
    try {
      name = secp256k1PublicKey(key).toHex();
    } catch (error) {
      throw isMeshError(error) ? new MeshError('ERR_KEY', `key ${i + 1} of ${quoted(path)}: ${error.message}`) : error;
    }
    const first = seen.get(name);
    if (first !== undefined)
      throw new MeshError('ERR_KEY', `key ${i + 1} of ${quoted(path)} is the same as key ${first + 1}`);
    seen.set(name, i);
  }
  return keys;
}

/**
 * Makes a ring of new keys and writes it to one file, mode 0600.
 * @returns the public keys, or `undefined` where the file is there already: it is left alone.
 */
export function generateKeyFile(path: string, count: number, random: Random): readonly Bytes[] | undefined {
  const keys = generateKeys(count, random);
  const lines = keys.map(({ hex }) => `    "0x${hex}"`).join(',\n');
  const isMade = createFileAtomic(path, `{\n  "keys": [\n${lines}\n  ]\n}\n`, MODE_SECRET);
  return isMade ? keys.map(({ publicKey }) => publicKey) : undefined;
}

/**
 * As {@link generateKeyFile}, one file a key in a new folder, ready for `kubectl create secret --from-file`.
 * @returns the public keys, or `undefined` where the folder is there already: it is left alone.
 */
export function generateKeyFolder(path: string, count: number, random: Random): readonly Bytes[] | undefined {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw cannotWrite('folder', path, error);
  }
  return generateKeys(count, random).map(({ publicKey, hex }, i) => {
    createFileAtomic(join(path, `key-${String(i).padStart(4, '0')}`), `0x${hex}\n`, MODE_SECRET);
    return publicKey;
  });
}

function generateKeys(count: number, random: Random): readonly { readonly publicKey: Bytes; readonly hex: string }[] {
  const keys: { publicKey: Bytes; hex: string }[] = [];
  while (keys.length < count) {
    const bytes = random.bytes(SECP256K1_KEY_BYTES);
    using key = new Secret(bytes);
    try {
      keys.push({ publicKey: secp256k1PublicKey(key), hex: bytes.toHex() });
    } catch {
      continue; // not below the order of the group: once in 2^128
    } finally {
      bytes.fill(0);
    }
  }
  return keys;
}

function keysOfFile(path: string): readonly Secret[] {
  const content = readSecretFile(path);
  if (content === undefined) throw ringMissing(path);
  let value: unknown;
  try {
    value = parseJson(textOfUtf8(content));
  } catch {
    throw new MeshError('ERR_KEY', `key file ${quoted(path)} is not JSON`, EXPECTED);
  } finally {
    content.fill(0);
  }
  const parsed = keyFileSchema.safeParse(value);
  if (!parsed.success)
    // What is wrong with it is not told by its members: a key may stand where a name is expected.
    throw new MeshError('ERR_KEY', `key file ${quoted(path)} does not hold 1 to ${RING_KEYS_MAX} keys`, EXPECTED);
  return parsed.data.keys.map((text, i) => parseKey(text, `key ${i + 1} of ${quoted(path)}`));
}

function keysOfFolder(path: string): readonly Secret[] {
  const names = readdirSync(path)
    .filter((name) => !name.startsWith('.') && statSync(join(path, name)).isFile()) // Kubernetes keeps `..data` there
    .sort();
  if (names.length === 0) throw ringMissing(path);
  if (names.length > RING_KEYS_MAX)
    throw new MeshError('ERR_KEY', `key folder ${quoted(path)} has more than ${RING_KEYS_MAX} files`);
  return names.map((name) => {
    const content = readMountedSecret(join(path, name), KEY_FILE_BYTES_MAX);
    try {
      return parseKey(new TextDecoder().decode(content).trim(), `key file ${quoted(join(path, name))}`);
    } finally {
      content.fill(0);
    }
  });
}

function parseKey(text: string, where: string): Secret {
  if (!/^(?:0x)?[0-9A-Fa-f]{64}$/.test(text)) throw new MeshError('ERR_KEY', `${where}: expected 64 hex digits`);
  const bytes = Uint8Array.fromHex(text.replace(/^0x/, ''));
  try {
    return new Secret(bytes);
  } finally {
    bytes.fill(0);
  }
}

function ringMissing(path: string): MeshError {
  return new MeshError('ERR_RING_MISSING', `there are no signing keys at ${quoted(path)}`);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
