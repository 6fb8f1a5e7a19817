import { type Command, InvalidArgumentError } from 'commander';
import { type Bytes, fromHex, toHex } from '../../../base/bytes.ts';
import type { ErrorCode } from '../../../base/error-codes.ts';
import { MeshError } from '../../../base/errors.ts';
import type { UnixMs } from '../../../base/time.ts';
import { walletAddressOf } from '../../../crypto/secp256k1/wallet-address.ts';
import { ENVELOPE } from '../../../message/river/envelope.ts';
import { EVENT_BYTES_MAX, judgeEventExpiry, parseEvent } from '../../../message/river/parse-event.ts';
import { addressText } from '../../../message/river/wallet.ts';
import { judgeDelegateExpiry, verifyWalletDelegate } from '../../../message/river/wallet-delegate.ts';
import { act, addCommand, addGroup, msOfDate } from '../../command.ts';
import { readInput } from '../../input.ts';
import type { Output } from '../../output.ts';

/** Bytes of a file that are looked at: an envelope of the largest event in hex, twice over for white space. */
export const STREAM_FILE_BYTES_MAX = 4 * (EVENT_BYTES_MAX + 1_024);

interface ExpiryOptions {
  readonly now?: UnixMs;
  readonly riverCompat?: true;
}

interface DelegateOptions extends ExpiryOptions {
  readonly creator: string;
  readonly delegateKey: string;
  readonly signature: string;
  readonly expiry: bigint;
}

/** What both checks say of an event or delegate that holds. */
interface Finding {
  readonly eventHash?: string;
  readonly creator: string;
  readonly signer: string;
  readonly isDelegated: boolean;
  readonly expiresAtMs: bigint;
}

/** `chainmail stream …` */
export function register(program: Command): void {
  const group = addGroup(program, 'stream', 'events of River: check them, check who may sign them, and keep them');
  withExpiry(
    addCommand(
      group,
      'check <file>',
      'whether an event of River holds: its hash, who signed it, and by whose leave',
      'chainmail stream check event.hex\nchainmail stream check --now 2026-03-01T12:00:00Z --json event.hex',
    ),
  )
    .addHelpText(
      'after',
      '\nFILE holds a protobuf Envelope in hex, with 0x and white space or without; - is standard input.',
    )
    .action(act<ExpiryOptions>(async ({ output, options, args }) => checkEvent(output, options, args[0] as string)));

  withExpiry(
    addCommand(
      group,
      'check-delegate',
      'whether a wallet lets a device sign for it',
      'chainmail stream check-delegate --creator 0xfcad… --delegate-key 047eba… --signature 5b65cc… --expiry 1234567890',
    ),
  )
    .requiredOption('--creator <address>', 'address of the wallet, 20 bytes in hex')
    .requiredOption('--delegate-key <hex>', 'public key of the device: 04, x and y, or x and y alone')
    .requiredOption('--signature <hex>', 'signature of the wallet: r, s and v, 65 bytes')
    .requiredOption('--expiry <ms>', 'until when, in milliseconds since 1970; 0 is for ever', expiryOf)
    .action(act<DelegateOptions>(async ({ output, options }) => checkDelegate(output, options)));
}

function withExpiry(command: Command): Command {
  return command
    .option('--now <time>', 'judge the expiry as of this time, RFC 3339 or milliseconds since 1970', timeOf)
    .option('--river-compat', 'accept delegates that never expire, as River does');
}

async function checkEvent(output: Output, options: ExpiryOptions, path: string): Promise<void> {
  const text = Buffer.from(await readInput(path, STREAM_FILE_BYTES_MAX)).toString('latin1');
  const bytes = hexOf(text, 'ERR_PROTOBUF');
  const event = parseEvent(bytes.length === 0 ? undefined : ENVELOPE.decode(bytes));
  if (options.now !== undefined) judgeEventExpiry(event, options.now, forever(options));
  show(output, {
    eventHash: `0x${toHex(event.hash)}`,
    creator: addressText(event.event.creatorAddress),
    signer: addressText(event.signer),
    isDelegated: event.isDelegated,
    expiresAtMs: event.event.delegateExpiryEpochMs,
  });
}

function checkDelegate(output: Output, options: DelegateOptions): void {
  const creator = hexOf(options.creator, 'ERR_WALLET_SIGNATURE');
  const deviceKey = hexOf(options.delegateKey, 'ERR_WALLET_KEY');
  const signature = hexOf(options.signature, 'ERR_WALLET_ENCODING');
  const expiresAtMs = options.expiry;
  verifyWalletDelegate({ creator, deviceKey, expiresAtMs, signature });
  if (options.now !== undefined) judgeDelegateExpiry(expiresAtMs, options.now, forever(options));
  const point = deviceKey.subarray(-64);
  show(output, {
    creator: addressText(creator),
    signer: addressText(walletAddressOf(Uint8Array.of(4, ...point))),
    isDelegated: true,
    expiresAtMs,
  });
}

function forever({ riverCompat }: ExpiryOptions): 'allowed' | 'refused' {
  return riverCompat === true ? 'allowed' : 'refused';
}

function show(output: Output, { eventHash, creator, signer, isDelegated, expiresAtMs }: Finding): void {
  const json = {
    ok: true,
    ...(eventHash === undefined ? {} : { event_hash: eventHash }),
    creator,
    signer,
    delegate: isDelegated,
    expires_at_ms: exactNumber(expiresAtMs),
  };
  const until = expiresAtMs === 0n ? 'for ever' : `until ${expiresAtMs} ms since 1970`;
  const by = isDelegated ? `signed by ${signer}, a device of ${creator}, ${until}` : `signed by ${creator}`;
  output.result(json, `ok  ${by}${eventHash === undefined ? '' : `\nevent ${eventHash}`}`);
}

/** Hex in any case, with white space and 0x or without; `code` says what it was to be. */
function hexOf(text: string, code: ErrorCode): Bytes {
  try {
    return fromHex(text.replace(/\s+/g, '').replace(/^0x/i, ''));
  } catch {
    throw new MeshError(code, 'expected an even number of hex digits');
  }
}

function expiryOf(text: string): bigint {
  if (!/^-?[0-9]{1,40}$/.test(text)) throw new InvalidArgumentError('expected milliseconds since 1970, a whole number');
  return BigInt(text);
}

export function timeOf(text: string): UnixMs {
  const ms = /^[0-9]{1,16}$/.test(text) ? Number(text) : msOfDate(text);
  if (!Number.isSafeInteger(ms)) throw new InvalidArgumentError('expected RFC 3339, or milliseconds since 1970');
  return ms as UnixMs;
}

/** A 64-bit integer as a number in JSON, all its digits kept. */
function exactNumber(value: bigint): unknown {
  const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
  return rawJSON(String(value));
}
