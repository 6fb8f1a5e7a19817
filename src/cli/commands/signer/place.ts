import type { Command } from 'commander';
import type { SignerPlace } from '../../../daemon/signer/place.ts';

/** The options by which commands of the signer say where records and keys are. */
export interface PlaceOptions {
  readonly dir?: string;
  readonly store?: string;
  readonly keys?: string;
}

export function withPlace(command: Command): Command {
  return command
    .option('--dir <dir>', 'directory of the records')
    .option(
      '--store <url>',
      'mongodb://… instead of a directory, also CHAINMAIL_SIGNER_STORE; needs --keys where it signs',
    )
    .option('--keys <path>', 'key file, folder with one hex key a file, or pkcs11: URI (default: DIR/keys.json)');
}

export function placeOf(options: PlaceOptions): SignerPlace {
  const { dir, store, keys } = options;
  // A database's address has its password in it, and everybody on a machine sees command lines.
  return { dir, store: store ?? (dir === undefined ? process.env['CHAINMAIL_SIGNER_STORE'] : undefined), keys };
}
