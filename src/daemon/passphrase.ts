import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { MeshError, quoted } from '../base/errors.ts';
import { Secret } from '../crypto/secret.ts';
import { readInputFile } from '../host/files/input-file.ts';
import { readSecretFile, SECRET_FILE_BYTES_MAX } from '../host/files/secret-file.ts';

const PASSPHRASE_FILE = 'passphrase';

export interface PassphraseSources {
  readonly directory: string;
  /** `--passphrase-file`. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The directory is being made: a passphrase that is typed is typed twice. */
  readonly isNew?: boolean;
}

/**
 * The directory's passphrase, from the first of these that is there: the file of the flag, the file that
 * `CHAINMAIL_PASSPHRASE_FILE` names, `DIR/passphrase`, a prompt where standard input is a terminal.
 *
 * A file that the operator names may be a pipe or a mounted secret with a mode of its own; `DIR/passphrase` must be
 * the owner's alone.
 *
 * @throws ERR_PASSPHRASE_MISSING where there is none, or an empty one; ERR_KEY_FILE_MODE.
 */
export async function readPassphrase(sources: PassphraseSources): Promise<Secret> {
  const named = sources.file ?? sources.environment['CHAINMAIL_PASSPHRASE_FILE'];
  if (named !== undefined && named !== '')
    return secretOf(readInputFile(named, SECRET_FILE_BYTES_MAX, 'ERR_PASSPHRASE_MISSING'), named);
  const path = join(sources.directory, PASSPHRASE_FILE);
  const own = readSecretFile(path);
  if (own !== undefined) return secretOf(own, path);
  if (!process.stdin.isTTY)
    throw new MeshError('ERR_PASSPHRASE_MISSING', `no passphrase for ${quoted(sources.directory)}`);
  return prompt(sources);
}

/** Everything up to the end of the first line: an editor's final newline is not part of the passphrase. */
function secretOf(bytes: Uint8Array, path: string): Secret {
  const newline = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const line = newline < 0 ? bytes : bytes.subarray(0, newline);
  if (line.length === 0) throw new MeshError('ERR_PASSPHRASE_MISSING', `passphrase file ${quoted(path)} is empty`);
  const secret = new Secret(line);
  bytes.fill(0);
  return secret;
}

async function prompt(sources: PassphraseSources): Promise<Secret> {
  const first = await ask(`passphrase for ${sources.directory}: `);
  if (first === '') throw new MeshError('ERR_PASSPHRASE_MISSING', 'the passphrase is empty');
  if (sources.isNew === true && (await ask('again: ')) !== first)
    throw new MeshError('ERR_PASSPHRASE_MISSING', 'the two passphrases differ');
  return new Secret(new TextEncoder().encode(first));
}

/** Reads a line from the terminal without showing it. */
function ask(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  process.stderr.write(question);
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  return new Promise((resolve, reject) => {
    reader.once('SIGINT', () => reader.close());
    reader.once('line', (line) => {
      resolve(line);
      reader.close();
    });
    reader.once('close', () => {
      process.stderr.write('\n');
      reject(new MeshError('ERR_PASSPHRASE_MISSING', 'no passphrase was typed'));
    });
  });
}
