import { resolve } from 'node:path';
import type { Command } from 'commander';
import { fromHex } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { DAY_MS, SECOND_MS, toRfc3339, type UnixMs } from '../../../base/time.ts';
import { uncompressPoint } from '../../../crypto/curve/curve-point.ts';
import { readDelegateKey } from '../../../daemon/delegate/files.ts';
import { renderStatement } from '../../../message/statement-pem.ts';
import { MODE_PUBLIC } from '../../../host/files/atomic-file.ts';
import { createFile } from '../../../host/files/new-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { readWalletFile } from '../../../host/keys/wallet-file.ts';
import { DELEGATE_LIFE_MS_MAX } from '../../../identity/delegate/statement.ts';
import { parseMeshName } from '../../../identity/mesh-name.ts';
import { encodeWalletStatement, parseStatement } from '../../../message/delegate-statement.ts';
import { walletOf } from '../../../message/river/wallet.ts';
import { signWalletDelegate } from '../../../message/river/wallet-delegate.ts';
import { act, addCommand, integerOption, spanOption, groupNamed } from '../../command.ts';

/** `chainmail delegate sign`, in the group of `delegate.ts` */
export function register(program: Command): void {
  const group = groupNamed(program, 'delegate');
  addCommand(
    group,
    'sign',
    'at the wallet: let a device’s key speak for it; or put a signature that the wallet made elsewhere into a statement',
    'chainmail delegate sign --wallet-key wallet.key --key operator.pub --ttl 1d --out operator.delegate',
  )
    .requiredOption('--key <key>', 'the device’s public key of secp256k1: a PEM file, or secp256k1:HEX')
    .option('--wallet-key <file>', 'the wallet’s private key, 64 hex digits (mode 0600)')
    .option('--ttl <span>', 'how long, up to 30d (default: 1d)', spanOption(SECOND_MS, DELEGATE_LIFE_MS_MAX))
    .option('--address <address>', 'of the wallet, where it signed elsewhere')
    .option('--signature <hex>', 'its delegate_sig: personal_sign over RIVERSIG, key and expiry')
    .option('--expiry <ms>', 'the expiry that it signed, Unix milliseconds', integerOption(1, Number.MAX_SAFE_INTEGER))
    .requiredOption('--out <file>', 'where the statement goes; must not exist')
    .action(
      act<WalletSignOptions>(async ({ output, options }) => {
        const bytes = walletStatementOf(options);
        const statement = parseStatement(parseMeshName('unknown'), bytes);
        const file = resolve(options.out);
        createFile(file, renderStatement(bytes), MODE_PUBLIC);
        const facts = {
          ok: true,
          file,
          id: statement.id,
          node_id: statement.nodeId,
          not_after: toRfc3339(statement.notAfter),
        };
        output.result(
          facts,
          `${statement.nodeId} lets the device speak until ${facts.not_after}; the mesh must let the wallet in: chainmail delegate issue --dir DIR --wallet ${statement.nodeId} --scope SCOPE`,
        );
      }),
    );
}

interface WalletSignOptions {
  readonly key: string;
  readonly walletKey?: string;
  readonly ttl?: number;
  readonly address?: string;
  readonly signature?: string;
  readonly expiry?: number;
  readonly out: string;
}

function walletStatementOf({ key, walletKey, ttl, address, signature, expiry }: WalletSignOptions): Uint8Array {
  const device = readDelegateKey(key);
  if (device.chainCode !== undefined)
    throw new MeshError(
      'ERR_DELEGATE_KEY',
      'a wallet vouches for one key, and nobody signs with that of a subtree itself',
      'make one: chainmail delegate key --curve secp256k1',
    );
  if (device.curve !== 'secp256k1')
    throw new MeshError('ERR_DELEGATE_KEY', 'the devices of a wallet have keys of secp256k1');
  if (walletKey !== undefined) {
    if (address !== undefined || signature !== undefined || expiry !== undefined)
      throw new MeshError('ERR_USAGE', '--wallet-key goes without --address, --signature and --expiry');
    using secret = readWalletFile(resolve(walletKey));
    const notAfter = (systemClock.wall() + (ttl ?? DAY_MS)) as UnixMs;
    const wallet = walletOf(secret);
    const point = uncompressPoint('secp256k1', device.bytes);
    const signed = signWalletDelegate(wallet, point, BigInt(notAfter));
    return encodeWalletStatement({
      address: wallet.address,
      deviceKey: device.bytes,
      notAfter,
      signature: signed.signature,
    });
  }
  if (address === undefined || signature === undefined || expiry === undefined)
    throw new MeshError('ERR_USAGE', '--wallet-key, or --address, --signature and --expiry are expected');
  return encodeWalletStatement({
    address: fromHex(address.replace(/^0x/i, '')),
    deviceKey: device.bytes,
    notAfter: expiry as UnixMs,
    signature: fromHex(signature.replace(/^0x/i, '')),
  });
}
