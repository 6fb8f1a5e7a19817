import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import {
  delegateSchema,
  type DelegateJson,
  delegatesResponseSchema,
  listedResponseSchema,
} from '../../../api/delegates.ts';
import { fromBase64, toBase64, toHex } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { DAY_MS, SECOND_MS, toRfc3339 } from '../../../base/time.ts';
import { openDelegateSigner, readDelegateKey, readStatement } from '../../../daemon/delegate/files.ts';
import { generateDelegateKey } from '../../../daemon/delegate/signer.ts';
import { renderStatement } from '../../../message/statement-pem.ts';
import { MODE_PUBLIC, MODE_SECRET } from '../../../host/files/atomic-file.ts';
import { createFile, createFileFrom } from '../../../host/files/new-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import type { DelegateCurve } from '../../../identity/delegate/delegate-key.ts';
import { scopeOf } from '../../../identity/delegate/scope.ts';
import { DELEGATE_LIFE_MS_MAX } from '../../../identity/delegate/statement.ts';
import { parseMeshName } from '../../../identity/mesh-name.ts';
import { parseNodeId } from '../../../identity/node-id.ts';
import { parseStatement } from '../../../message/delegate-statement.ts';
import { relativeTime } from '../../relative-time.ts';
import { act, addCommand, addGroup, integerOption, repeatedOption, spanOption, textOption } from '../../command.ts';
import { renderTable } from '../../table.ts';
import { atAuthority, type AuthorityDirectoryOptions, withAuthorityDirectory } from '../../authority-directory.ts';

const CURVE_OF: Readonly<Record<string, DelegateCurve>> = { p256: 'P-256', ed25519: 'Ed25519', secp256k1: 'secp256k1' };

interface IssueOptions extends AuthorityDirectoryOptions {
  readonly nodeId?: string;
  readonly wallet?: string;
  readonly key?: string;
  readonly scope: readonly string[];
  readonly ttl?: number;
  readonly out?: string;
}

/** `chainmail delegate …` */
export function register(program: Command): void {
  const group = addGroup(program, 'delegate', 'keys of devices and wallets that may speak, and what they may say');
  addKey(group);
  addIssue(group);
  addShow(group);
  addRevoke(group);
}

function addKey(group: Command): void {
  addCommand(
    group,
    'key',
    'on the device: make its own key, and say what to hand to the authority',
    'chainmail delegate key --out sensor.key --curve p256',
  )
    .requiredOption('--out <file>', 'the private key, PEM (mode 0600); must not exist')
    .addOption(new Option('--curve <curve>', 'of the key').choices(Object.keys(CURVE_OF)).default('p256'))
    .action(
      act<{ readonly out: string; readonly curve: string }>(async ({ output, options }) => {
        const file = resolve(options.out);
        createFile(file, generateDelegateKey(CURVE_OF[options.curve] as DelegateCurve), MODE_SECRET);
        const { curve, bytes } = openDelegateSigner(file).key;
        const publicKey = `${curve}:${toHex(bytes)}`;
        output.result(
          { ok: true, file, curve, public_key: toHex(bytes), key: publicKey },
          `key written to ${options.out}; at the authority: chainmail delegate issue --dir DIR --node-id ID --key ${publicKey} --scope SCOPE --out FILE`,
        );
      }),
    );
}

function addIssue(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'issue',
      'let a device’s key speak for a node, or the devices of a wallet for the wallet',
      'chainmail delegate issue --dir /var/lib/chainmail --node-id gate-7 --key sensor.pub --scope publish:sensor/temperature --out sensor.delegate\nchainmail delegate issue --dir /var/lib/chainmail --wallet 0x7e5f4552091a69125d5dfcb7b8c2659029395bdf --scope command:issue --ttl 30d',
    ),
  )
    .option('--node-id <id>', 'the node in whose name it speaks', textOption(parseNodeId))
    .option('--wallet <address>', 'a wallet instead: whom it delegates may speak as it')
    .option('--key <key>', 'the device’s public key: a PEM file, CURVE:HEX, or the xpub of its subtree')
    .requiredOption(
      '--scope <capability>',
      'what it may do, as publish:sensor/temperature, command:issue/stop or role:sensor; repeatable, up to 8',
      repeatedOption((entry) => scopeOf([entry])),
    )
    .option('--ttl <span>', 'how long, up to 30d (default: 7d)', spanOption(SECOND_MS, DELEGATE_LIFE_MS_MAX))
    .option('--out <file>', 'where the statement goes; must not exist')
    .action(
      act<IssueOptions>(async ({ output, options }) => {
        if (options.wallet !== undefined) {
          const told = await grantWallet(options, options.wallet);
          return output.result(told, `wallet ${told.wallet} may speak; revocation list ${told.crl_number} says so`);
        }
        const { nodeId, key, out, scope, ttl } = options;
        if (nodeId === undefined || key === undefined || out === undefined)
          throw new MeshError('ERR_USAGE', '--node-id, --key and --out are expected, or --wallet');
        const issued = await atAuthority(options, (desk) => {
          const { curve, bytes, chainCode } = readDelegateKey(key);
          const body = {
            node_id: nodeId,
            ...(chainCode === undefined ? { curve, public_key: toHex(bytes) } : { xpub: key }),
            scope,
            ...(ttl === undefined ? {} : { ttl_sec: Math.floor(ttl / SECOND_MS) }),
          };
          return createFileFrom(out, MODE_PUBLIC, async () => {
            const made = await desk.call(delegateSchema, { method: 'POST', path: '/v1/delegates', body });
            return { content: renderStatement(fromBase64(made.statement)), made };
          });
        });
        output.result(
          { ok: true, file: resolve(out), ...issued },
          `delegate ${issued.id} of ${nodeId} written to ${out}; it ends ${relativeTime(issued.not_after, systemClock.wall())}`,
        );
      }),
    );
}

function addShow(group: Command): void {
  addCommand(
    group,
    'show [file]',
    'what a statement says of itself, unchecked, or with --dir all that the authority has delegated',
    'chainmail delegate show sensor.delegate --mesh depot\nchainmail delegate show --dir /var/lib/chainmail',
  )
    .option('--dir <dir>', 'directory of the authority')
    .option('--passphrase-file <file>', 'file whose first line opens the keys (default: DIR/passphrase, or a prompt)')
    .option('--mesh <name>', 'the mesh of the statement', textOption(parseMeshName))
    .action(
      act<Partial<AuthorityDirectoryOptions> & { readonly mesh?: string }>(async ({ output, options, args }) => {
        const [file] = args;
        if ((file === undefined) === (options.dir === undefined))
          throw new MeshError('ERR_USAGE', 'either a file or --dir is expected');
        if (file !== undefined) {
          const facts = factsOf(file, options.mesh);
          return output.result(
            facts,
            Object.entries(facts)
              .map(([name, value]) => `${name.padEnd(12)}${value}`)
              .join('\n'),
          );
        }
        const told = await atAuthority({ ...options, dir: options.dir as string }, (desk) =>
          desk.call(delegatesResponseSchema, { method: 'GET', path: '/v1/delegates' }),
        );
        output.result(told, tableOf(told.delegates));
      }),
    );
}

function addRevoke(group: Command): void {
  withAuthorityDirectory(
    addCommand(
      group,
      'revoke',
      'void a delegate, everything below an epoch, or a wallet; every node hears of it as of revoked certificates',
      'chainmail delegate revoke --dir /var/lib/chainmail --id 5f9a0c117b2e44d0\nchainmail delegate revoke --dir /var/lib/chainmail --below-epoch 2',
    ),
  )
    .option('--id <id>', 'of the statement')
    .option(
      '--statement <file>',
      'the statement itself: a delegate’s that a wallet made, or what chainmail stream revoke wrote',
    )
    .option('--below-epoch <n>', 'everything of an earlier epoch', integerOption(1, 2 ** 31 - 1))
    .option('--wallet <address>', 'everything of a wallet')
    .action(
      act<
        AuthorityDirectoryOptions & {
          readonly id?: string;
          readonly statement?: string;
          readonly belowEpoch?: number;
          readonly wallet?: string;
        }
      >(async ({ output, options }) => {
        const { id, statement, belowEpoch, wallet } = options;
        if ([id, statement, belowEpoch, wallet].filter((named) => named !== undefined).length !== 1)
          throw new MeshError('ERR_USAGE', 'one of --id, --statement, --below-epoch and --wallet is expected');
        const { path, body } =
          wallet === undefined
            ? {
                path: '/v1/delegates/revoke',
                body: {
                  ...(id === undefined ? {} : { id }),
                  ...(statement === undefined ? {} : { statement: toBase64(readStatement(statement)) }),
                  ...(belowEpoch === undefined ? {} : { below_epoch: belowEpoch }),
                },
              }
            : { path: '/v1/wallets', body: { address: wallet, scope: ['command:issue'], ttl_sec: 0 } };
        const told = await atAuthority(options, (desk) =>
          desk.call(listedResponseSchema, { method: 'POST', path, body }),
        );
        output.result({ ok: true, ...told }, `void from revocation list ${told.crl_number} on`);
      }),
    );
}

async function grantWallet(
  options: IssueOptions,
  address: string,
): Promise<{ readonly ok: true; readonly wallet: string; readonly crl_number: number }> {
  if (options.nodeId !== undefined || options.key !== undefined || options.out !== undefined)
    throw new MeshError(
      'ERR_USAGE',
      '--wallet goes without --node-id, --key and --out: the wallet signs for its devices',
    );
  const ttlMs = options.ttl ?? 7 * DAY_MS;
  const body = { address, scope: options.scope, ttl_sec: Math.floor(ttlMs / SECOND_MS) };
  const { crl_number } = await atAuthority(options, (desk) =>
    desk.call(listedResponseSchema, { method: 'POST', path: '/v1/wallets', body }),
  );
  return { ok: true, wallet: address.toLowerCase(), crl_number };
}

function factsOf(file: string, mesh: string | undefined): Readonly<Record<string, string>> {
  const bytes = readStatement(file);
  const statement = parseStatement(parseMeshName(mesh ?? 'unknown'), bytes);
  const { tag, id, nodeId, key, notAfter } = statement;
  return {
    kind: tag,
    // That of a wallet is checked by reading it; whether anybody may vouch for devices in this mesh, lists tell.
    signature: tag === 'wallet' ? 'of the wallet; whether it may speak here was not checked' : 'not checked',
    check_with: `chainmail verify ${file} --mesh ${mesh ?? 'NAME'} --ca FILE --crl FILE`,
    id,
    node_id: nodeId,
    curve: key.curve,
    public_key: toHex(key.bytes),
    ...(key.chainCode === undefined ? {} : { chain_code: toHex(key.chainCode) }),
    ...(statement.tag === 'wallet'
      ? {}
      : {
          epoch: String(statement.epoch),
          index: String(statement.index),
          scope: statement.scope.join(' '),
          not_before: toRfc3339(statement.notBefore),
        }),
    not_after: toRfc3339(notAfter),
  };
}

function tableOf(delegates: readonly DelegateJson[]): string {
  const rows = delegates.map(({ id, node_id, status, scope, not_after }) => [
    id,
    node_id,
    status,
    scope?.join(' ') ?? '-',
    relativeTime(not_after, systemClock.wall()),
  ]);
  return renderTable(['ID', 'NODE', 'STATUS', 'SCOPE', 'ENDS'], rows, 'no delegates yet');
}
