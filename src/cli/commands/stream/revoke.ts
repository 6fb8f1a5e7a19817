import { resolve } from 'node:path';
import type { Command } from 'commander';
import { walletEpochResponseSchema } from '../../../api/streams.ts';
import { toBase64 } from '../../../base/bytes.ts';
import { MeshError, quoted } from '../../../base/errors.ts';
import { toRfc3339, type UnixMs } from '../../../base/time.ts';
import { renderStatement } from '../../../message/statement-pem.ts';
import { MODE_PUBLIC } from '../../../host/files/atomic-file.ts';
import { createFile } from '../../../host/files/new-file.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { readWalletFile } from '../../../host/keys/wallet-file.ts';
import { DELEGATE_LIFE_MS_MAX } from '../../../identity/delegate/statement.ts';
import { encodeWalletEpoch, signWalletEpoch } from '../../../message/river/wallet-epoch.ts';
import { addressText, walletOf } from '../../../message/river/wallet.ts';
import { act, addCommand, groupNamed } from '../../command.ts';
import { timeOf } from './stream.ts';
import { bodyOf } from '../../../host/http/call.ts';
import { exchange } from '../../../host/http/client.ts';
import { connectRefusalOf } from '../../../host/http/connect-caller.ts';

interface RevokeOptions {
  readonly walletKey: string;
  readonly below?: UnixMs;
  readonly to?: string;
  readonly out?: string;
}

/** `chainmail stream revoke`, in the group of `stream.ts` */
export function register(program: Command): void {
  const group = groupNamed(program, 'stream');
  addCommand(
    group,
    'revoke',
    'at the wallet: void the delegates that it has signed, before they expire',
    'chainmail stream revoke --wallet-key wallet.key --out alice.epoch --to http://127.0.0.1:5170',
  )
    .requiredOption('--wallet-key <file>', 'the wallet’s private key, 64 hex digits (mode 0600)')
    .option(
      '--below <time>',
      'void what expires before, RFC 3339 or milliseconds since 1970 (default: 30 days from now, all that is)',
      timeOf,
    )
    .option('--to <url>', 'a stream store that shall know at once')
    .option('--out <file>', 'where the statement goes, for other stores; must not exist')
    .action(
      act<RevokeOptions>(async ({ output, options }) => {
        if (options.to === undefined && options.out === undefined)
          throw new MeshError('ERR_USAGE', '--out or --to is expected');
        using key = readWalletFile(resolve(options.walletKey));
        const wallet = walletOf(key);
        const below = options.below ?? ((systemClock.wall() + DELEGATE_LIFE_MS_MAX) as UnixMs);
        const statement = encodeWalletEpoch(signWalletEpoch(wallet, below));
        if (options.out !== undefined) createFile(options.out, renderStatement(statement), MODE_PUBLIC);
        const counts = options.to === undefined ? toRfc3339(below) : await handIn(options.to, statement);
        const told = { ok: true, wallet: addressText(wallet.address), below: counts, statement: toBase64(statement) };
        output.result(told, `delegates of ${told.wallet} that end before ${counts} are void`);
      }),
    );
}

/** @returns from when on delegates of the wallet count there. @throws what the store says, ERR_UNREACHABLE */
async function handIn(url: string, statement: Uint8Array): Promise<string> {
  const body = { statement: toBase64(statement) };
  const answer = await exchange({ tag: 'web', url }, { method: 'POST', path: '/v1/wallet-epochs', body });
  if (answer.status !== 200) throw connectRefusalOf(answer);
  return bodyOf(answer, walletEpochResponseSchema, `stream store ${quoted(url)}`).below;
}
