import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Bytes } from '../../../base/bytes.ts';
import { MeshError, quoted } from '../../../base/errors.ts';
import { makeDirectory } from '../../../daemon/directory.ts';
import { loadRing } from '../../../daemon/signer/place.ts';
import { generateKeyFile, generateKeyFolder } from '../../../host/signer/keys/key-files.ts';
import { tokenRing } from '../../../host/signer/keys/ring.ts';
import { systemRandom } from '../../../host/machine/system-random.ts';
import { RING_KEYS_MAX, ringFingerprint } from '../../../signer/key-ring.ts';
import { act, addCommand, addGroup, integerOption } from '../../command.ts';
import type { Output } from '../../output.ts';
import { type PlaceOptions, placeOf, withPlace } from './place.ts';

interface GenerateOptions {
  readonly dir?: string;
  readonly outFolder?: string;
  readonly keys?: string;
  readonly count: number;
}

/** `chainmail signer keys …` */
export function addKeys(group: Command): void {
  const keys = addGroup(group, 'keys', 'the ring of signing keys');
  addCommand(
    keys,
    'generate',
    'make new keys: DIR/keys.json, mode 0600; or in a folder; or in a PKCS #11 token, which they never leave',
    'chainmail signer keys generate --dir records --count 16\nchainmail signer keys generate --out-folder keys',
  )
    .option('--dir <dir>', 'directory of the records')
    .option('--out-folder <folder>', 'one hex key a file in a new folder instead, as for a Kubernetes secret')
    .option('--keys <uri>', 'pkcs11: URI (RFC 7512) of the token, with the label of the keys as object=')
    .option('--count <n>', 'keys of the ring', integerOption(1, RING_KEYS_MAX), 16)
    .action(
      act<GenerateOptions>(async ({ output, options }) => {
        const place = generatePlace(options);
        const publicKeys = await generateRing(place, options);
        if (publicKeys === undefined)
          throw new MeshError('ERR_DIR_EXISTS', `there are keys already: ${quoted(place)}`, 'move them away first');
        showRing(output, publicKeys, place);
      }),
    );

  withPlace(
    addCommand(keys, 'list', 'show the public keys of the ring', 'chainmail signer keys list --dir records'),
  ).action(
    act<PlaceOptions>(async ({ output, options }) => {
      using ring = loadRing(placeOf(options), process.env);
      showRing(output, await ring.publicKeys());
    }),
  );
}

/** Where the new keys go. @throws ERR_USAGE unless one place is named */
function generatePlace({ dir, outFolder, keys }: GenerateOptions): string {
  const [place, ...others] = [dir === undefined ? undefined : join(resolve(dir), 'keys.json'), outFolder, keys].filter(
    (named) => named !== undefined,
  );
  if (place === undefined || others.length > 0)
    throw new MeshError('ERR_USAGE', 'one of --dir, --out-folder and --keys is expected');
  return keys === undefined ? resolve(place) : place;
}

async function generateRing(place: string, options: GenerateOptions): Promise<readonly Bytes[] | undefined> {
  if (options.outFolder !== undefined) return generateKeyFolder(place, options.count, systemRandom);
  if (options.keys !== undefined) {
    using ring = tokenRing(place, process.env['CHAINMAIL_SIGNER_PIN_FILE']);
    return await ring.generate(options.count);
  }
  makeDirectory(resolve(options.dir as string));
  return generateKeyFile(place, options.count, systemRandom);
}

function showRing(output: Output, publicKeys: readonly Bytes[], file?: string): void {
  const keys = publicKeys.map((key) => `0x${key.toHex()}`);
  const where = file === undefined ? '' : `${keys.length} keys in ${file}\n`;
  output.result(
    { ...(file === undefined ? {} : { file }), fingerprint: ringFingerprint(publicKeys), keys },
    `${where}${keys.join('\n')}`,
  );
}
