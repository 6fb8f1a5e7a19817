import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { subtreeCreatedSchema, treeExportedSchema, treeImportedSchema } from '../../api/delegates.ts';
import { fromHex, toHex } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import { COMPRESSED_POINT_BYTES } from '../../crypto/curve/curve-point.ts';
import { walletAddressOf } from '../../crypto/secp256k1/wallet-address.ts';
import { deriveFrom, type KeySource, readMnemonic } from '../../daemon/key-source.ts';
import { MODE_SECRET } from '../../host/files/atomic-file.ts';
import { createFile, createFileFrom } from '../../host/files/new-file.ts';
import { systemRandom } from '../../host/machine/system-random.ts';
import { masterKeyOf } from '../../identity/key-tree/child-key.ts';
import { formatPath, parsePath } from '../../identity/key-tree/derivation-path.ts';
import { ExtendedPrivateKey, type ExtendedPublicKey } from '../../identity/key-tree/extended-key.ts';
import { formatXprv, formatXpub, parseExtendedKey } from '../../identity/key-tree/extended-key-text.ts';
import {
  entropyBytesOf,
  MNEMONIC_WORDS,
  type MnemonicWords,
  mnemonicOf,
  seedOfMnemonic,
} from '../../identity/key-tree/mnemonic.ts';
import type { TreeCurve } from '../../identity/key-tree/tree-curve.ts';
import { act, addCommand, addGroup } from '../command.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../authority-directory.ts';

const CURVE_OF: Readonly<Record<string, TreeCurve>> = { secp256k1: 'secp256k1', p256: 'P-256', ed25519: 'Ed25519' };

interface SourceOptions extends Omit<KeySource, 'curve'> {
  readonly curve?: string;
}

interface DeriveOptions extends SourceOptions {
  readonly path: string;
  readonly private?: boolean;
}

/** `chainmail key …` */
export function register(program: Command): void {
  const group = addGroup(program, 'key', 'keys in trees: mnemonics, derivation, extended keys, addresses');
  addGenerate(group);
  addImport(group);
  addExport(group);
  addSubtree(group);
  addDerive(group);
  addXpub(group);
  addAddress(group);
}

function addGenerate(group: Command): void {
  addCommand(
    group,
    'generate',
    'write a new mnemonic (BIP-39); it is a secret: keep it on paper, away from this machine',
    'chainmail key generate --out master.words --words 24',
  )
    .requiredOption('--out <file>', 'the file to write (mode 0600); must not exist')
    .option('--words <n>', `how many words: ${MNEMONIC_WORDS.join(', ')} (default: 24)`, wordsOption)
    .action(
      act<{ readonly out: string; readonly words?: MnemonicWords }>(async ({ output, options }) => {
        const words = options.words ?? 24;
        const entropy = systemRandom.bytes(entropyBytesOf(words));
        const mnemonic = mnemonicOf(entropy);
        entropy.fill(0);
        const file = resolve(options.out);
        createFile(file, `${mnemonic}\n`, MODE_SECRET);
        using seed = seedOfMnemonic(mnemonic);
        using master = seed.use((bytes) => masterKeyOf('secp256k1', bytes));
        const fingerprint = toHex(master.public.fingerprint);
        output.result(
          { ok: true, file, words, fingerprint },
          `${words} words written to ${options.out}; fingerprint of the master key: ${fingerprint}`,
        );
      }),
    );
}

function addExport(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'export',
      'take the words of an authority’s master key, or a key of its tree, out of its store',
      "chainmail key export --dir /var/lib/chainmail --out master.words\nchainmail key export --dir /var/lib/chainmail --path m/4409421'/7'/1' --out branch.xpub",
    ),
  )
    .option('--path <path>', 'a key of the tree instead of the words of its master key')
    .option(
      '--private',
      'with --path: the private key; only of hardened paths below a branch, or outside the tree of the branches',
    )
    .requiredOption('--out <file>', 'the file to write (mode 0600); must not exist')
    .action(
      act<AuthorityDirectoryOptions & { readonly path?: string; readonly private?: boolean; readonly out: string }>(
        async ({ output, options }) => {
          const path = options.path === undefined ? undefined : formatPath(parsePath(options.path));
          if (options.private === true && path === undefined)
            throw new MeshError('ERR_USAGE', '--private needs --path');
          const what = path === undefined ? 'mnemonic' : options.private === true ? 'xprv' : 'xpub';
          const body = { what, ...(path === undefined ? {} : { path }) };
          await atAuthority(options, (desk) =>
            createFileFrom(options.out, MODE_SECRET, async () => {
              const call = { method: 'POST', path: '/v1/key-tree/export', body } as const;
              const made = await desk.call(treeExportedSchema, call);
              return { content: `${made.key}\n`, made };
            }),
          );
          output.result(
            { ok: true, file: resolve(options.out), what, ...(path === undefined ? {} : { path }) },
            `${what} written to ${options.out}`,
          );
        },
      ),
    );
}

function addSubtree(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'subtree',
      'for a device that cannot make keys: a tree of its own, that gives nothing above it away',
      'chainmail key subtree --dir /var/lib/chainmail --out sensor.key',
    ),
  )
    .requiredOption('--out <file>', 'the device’s private key, xprv (mode 0600); must not exist')
    .action(
      act<AuthorityDirectoryOptions & { readonly out: string }>(async ({ output, options }) => {
        const { path, xpub } = await atAuthority(options, (desk) =>
          createFileFrom(options.out, MODE_SECRET, async () => {
            const made = await desk.call(subtreeCreatedSchema, { method: 'POST', path: '/v1/key-tree/subtree' });
            return { content: `${made.xprv}\n`, made };
          }),
        );
        output.result(
          { ok: true, file: resolve(options.out), path, xpub },
          `subtree ${path} written to ${options.out}: carry it to the device, and keep no copy; then: chainmail delegate issue --dir DIR --node-id ID --key ${xpub} --scope SCOPE --out FILE`,
        );
      }),
    );
}

function addImport(group: Command): void {
  addCommand(
    group,
    'import [xkey]',
    'read an extended key, and say why where it is none; or give an authority its master key',
    'chainmail key import xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8\nchainmail key import --dir /var/lib/chainmail --mnemonic-file words.txt',
  )
    .option('--mnemonic-file <file>', 'with --dir: the words of a master key that was exported')
    .option('--dir <dir>', 'directory of the authority')
    .option('--passphrase-file <file>', 'file whose first line opens the keys (default: DIR/passphrase, or a prompt)')
    .action(
      act<Partial<AuthorityDirectoryOptions> & { readonly mnemonicFile?: string }>(
        async ({ output, options, args }) => {
          const { dir, mnemonicFile } = options;
          if ((args[0] === undefined) === (dir === undefined) || (dir === undefined) !== (mnemonicFile === undefined))
            throw new MeshError('ERR_USAGE', 'either an extended key, or --dir and --mnemonic-file are expected');
          if (dir !== undefined) {
            const told = await atAuthority({ ...options, dir }, (desk) => {
              const body = { mnemonic: readMnemonic(mnemonicFile as string) };
              return desk.call(treeImportedSchema, { method: 'POST', path: '/v1/key-tree/import', body });
            });
            return output.result({ ok: true, ...told }, `master key ${told.fingerprint} taken over`);
          }
          const key = parseExtendedKey(args[0] ?? '');
          const isPrivate = key instanceof ExtendedPrivateKey;
          const told = isPrivate ? key.public : key;
          const facts = { kind: isPrivate ? 'private' : 'public', index: told.place.index, ...factsOf(told) };
          if (isPrivate) key[Symbol.dispose]();
          output.result(facts, linesOf(facts));
        },
      ),
    );
}

function addDerive(group: Command): void {
  withSource(
    addCommand(
      group,
      'derive',
      'the key at a path of a tree (BIP-32, SLIP-10)',
      "chainmail key derive --mnemonic-file master.words --path m/44'/0'/0\nchainmail key derive --seed 000102030405060708090a0b0c0d0e0f --path m/0' --curve p256",
    ),
  )
    .requiredOption('--path <path>', "the path from that key, as m/44'/0'/7")
    .option('--private', 'show the private key as well')
    .action(
      act<DeriveOptions>(async ({ output, options }) => {
        const path = parsePath(options.path);
        const key = await deriveFrom(sourceOf(options), path);
        const isPrivate = key instanceof ExtendedPrivateKey;
        if (options.private === true && !isPrivate)
          throw new MeshError('ERR_KEY_PUBLIC', '--private: there is no private key in an xpub');
        const facts = { path: formatPath(path), ...factsOf(isPrivate ? key.public : key) };
        const secrets = options.private === true && isPrivate ? secretsOf(key) : {};
        if (isPrivate) key[Symbol.dispose]();
        output.result({ ...facts, ...secrets }, linesOf({ ...facts, ...secrets }));
      }),
    );
}

function addXpub(group: Command): void {
  withSource(
    addCommand(
      group,
      'xpub',
      'the extended public key at a path: enough to derive the public keys below it',
      "chainmail key xpub --mnemonic-file master.words --path m/44'/0'",
    ),
  )
    .option('--path <path>', 'the path from that key', 'm')
    .action(
      act<DeriveOptions>(async ({ output, options }) => {
        const path = parsePath(options.path);
        const key = await deriveFrom(sourceOf(options), path);
        const xpub = formatXpub(key instanceof ExtendedPrivateKey ? key.public : key);
        if (key instanceof ExtendedPrivateKey) key[Symbol.dispose]();
        output.result({ path: formatPath(path), xpub }, xpub);
      }),
    );
}

function addAddress(group: Command): void {
  addCommand(
    group,
    'address <pubkey>',
    'the address of a wallet with this public key of secp256k1',
    'chainmail key address 0339a36013301597daef41fbe593a02cc513d0b55527ec2df1050e2e8ff49c85c2',
  ).action(
    act<object>(async ({ output, args }) => {
      const address = `0x${toHex(walletAddressOf(pointOfHex(args[0] ?? '')))}`;
      output.result({ address }, address);
    }),
  );
}

function withSource(command: Command): Command {
  return command
    .option('--seed <hex>', 'from a seed of 16 to 64 bytes')
    .option('--mnemonic-file <file>', 'from the words in a file')
    .option('--mnemonic-passphrase-file <file>', 'file whose first line is the passphrase of the mnemonic')
    .option('--key <xkey>', 'from an xprv or xpub')
    .addOption(new Option('--curve <curve>', 'of the tree (default: secp256k1)').choices(Object.keys(CURVE_OF)));
}

function sourceOf({ seed, mnemonicFile, mnemonicPassphraseFile, key, curve }: SourceOptions): KeySource {
  const treeCurve = curve === undefined ? undefined : CURVE_OF[curve];
  return { seed: seed?.replace(/^0x/, ''), mnemonicFile, mnemonicPassphraseFile, key, curve: treeCurve };
}

type Facts = Readonly<Record<string, string | number | null>>;

/** What everybody may know of a key. */
function factsOf(key: ExtendedPublicKey): Facts {
  return {
    depth: key.place.depth,
    fingerprint: toHex(key.fingerprint),
    parent_fingerprint: toHex(key.place.parentFingerprint),
    chain_code: toHex(key.chainCode),
    public_key: toHex(key.publicKey),
    xpub: key.curve === 'secp256k1' ? formatXpub(key) : null,
  };
}

function secretsOf(key: ExtendedPrivateKey): Facts {
  return {
    private_key: key.privateKey.use((bytes) => toHex(bytes)),
    xprv: key.public.curve === 'secp256k1' ? formatXprv(key) : null,
  };
}

function linesOf(facts: Facts): string {
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(19)}${value === null ? '-' : value}`)
    .join('\n');
}

/** A point in hex, 0x before it or not: compressed, uncompressed, or x and y alone. */
function pointOfHex(text: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = fromHex(text.replace(/^0x/, ''));
  } catch {
    throw new MeshError('ERR_KEY_POINT', 'public key is not an even number of hex digits');
  }
  const isBare = bytes.length === 2 * (COMPRESSED_POINT_BYTES - 1);
  return isBare ? Uint8Array.of(0x04, ...bytes) : bytes;
}

function wordsOption(text: string): MnemonicWords {
  const words = MNEMONIC_WORDS.find((count) => String(count) === text);
  if (words === undefined) throw new InvalidArgumentError(`expected ${MNEMONIC_WORDS.join(', ')}`);
  return words;
}
