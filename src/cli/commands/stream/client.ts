import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Bytes, fromHex, textOfUtf8, toHex } from '../../../base/bytes.ts';
import { isMeshError, MeshError } from '../../../base/errors.ts';
import { after, DAY_MS, SECOND_MS } from '../../../base/time.ts';
import { authorOfToken, authorOfWallet, makeToken } from '../../../daemon/streams/author-files.ts';
import { StreamsDesk } from '../../../daemon/streams/desk.ts';
import { ConnectCaller } from '../../../host/http/connect-caller.ts';
import { systemClock } from '../../../host/machine/system-clock.ts';
import { systemRandom } from '../../../host/machine/system-random.ts';
import { openWalletFile } from '../../../host/keys/wallet-file.ts';
import { DELEGATE_LIFE_MS_MAX } from '../../../identity/delegate/statement.ts';
import type { Author } from '../../../message/river/author.ts';
import {
  membershipPayload,
  messagePayload,
  messageTextOf,
  NEW_STREAM_KINDS,
  type NewStreamKind,
} from '../../../message/river/content.ts';
import { EVENT_BYTES_MAX, type RiverEvent } from '../../../message/river/parse-event.ts';
import { parseStreamId, type StreamId } from '../../../message/river/stream-id.ts';
import { addressText, walletOf } from '../../../message/river/wallet.ts';
import { act, addCommand, spanOption, groupNamed } from '../../command.ts';
import { readInput } from '../../input.ts';
import type { Output } from '../../output.ts';

interface ClientOptions {
  readonly server: string;
  readonly walletKey?: string;
  readonly token?: string;
  readonly riverCompat?: true;
}

interface AddOptions extends ClientOptions {
  readonly stream: StreamId;
  readonly invite?: Bytes;
  readonly join?: Bytes;
  readonly leave?: Bytes;
}

/** `chainmail stream wallet`, `token`, `create`, `add` and `get` */
export function register(program: Command): void {
  const group = groupNamed(program, 'stream');
  registerKeys(group);
  withServer(
    addCommand(
      group,
      'create',
      'begin a stream, as a wallet or as a device for it',
      'chainmail stream create --server http://127.0.0.1:5170 --wallet-key wallet.key --kind channel',
    ),
  )
    .addOption(
      new Option('--kind <kind>', 'what for; those of a user are named after the wallet (default: channel)').choices(
        NEW_STREAM_KINDS,
      ),
    )
    .action(
      act<ClientOptions & { readonly kind?: NewStreamKind }>(async ({ output, options }) => {
        const id = await deskOf(options).create(options.kind ?? 'channel');
        output.result({ stream_id: id.text }, id.text);
      }),
    );
  withServer(
    addCommand(
      group,
      'add [file]',
      'sign an event and add it: a message into a channel, or who is a member',
      'echo hello | chainmail stream add --server http://127.0.0.1:5170 --token device.token --stream 205a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a -',
    ),
  )
    .requiredOption('--stream <id>', 'the stream, 32 bytes in hex', streamOption)
    .option('--invite <address>', 'instead of a message: invite this user', addressOf)
    .option('--join <address>', 'instead of a message: this user is a member now', addressOf)
    .option('--leave <address>', 'instead of a message: this user is none any more', addressOf)
    .action(
      act<AddOptions>(async ({ output, options, args }) => {
        const { hash } = await deskOf(options).add(options.stream, await payloadOf(options, args[0]));
        const event = `0x${toHex(hash)}`;
        output.result({ stream_id: options.stream.text, event_hash: event }, event);
      }),
    );
  withServer(
    addCommand(
      group,
      'get',
      'read a stream, and check every block, signature and member of it',
      'chainmail stream get --server http://127.0.0.1:5170 --stream 205a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --json',
    ),
  )
    .requiredOption('--stream <id>', 'the stream, 32 bytes in hex', streamOption)
    .action(
      act<ClientOptions & { readonly stream: StreamId }>(async ({ output, options }) => {
        show(output, await deskOf(options).get(options.stream));
      }),
    );
}

function registerKeys(group: Command): void {
  addCommand(
    group,
    'wallet',
    'the address of a wallet; its key is made where the file is missing',
    'chainmail stream wallet --wallet-key wallet.key',
  )
    .requiredOption('--wallet-key <file>', 'its private key, 64 hex digits (mode 0600)')
    .action(
      act<{ readonly walletKey: string }>(async ({ output, options }) => {
        using key = openWalletFile(resolve(options.walletKey), systemRandom);
        const address = addressText(walletOf(key).address);
        output.result({ address }, address);
      }),
    );
  addCommand(
    group,
    'token',
    'let a new device sign for a wallet: its key and the wallet’s leave in one file, as River’s bearer tokens',
    'chainmail stream token --wallet-key wallet.key --ttl 7d --out device.token',
  )
    .requiredOption('--wallet-key <file>', 'the wallet’s private key, 64 hex digits (mode 0600)')
    .requiredOption('--out <file>', 'where the token goes (mode 0600): whoever has it can sign')
    .option(
      '--ttl <span>',
      'how long the device may, at most 30d (default: 7d)',
      spanOption(SECOND_MS, DELEGATE_LIFE_MS_MAX),
    )
    .action(
      act<{ readonly walletKey: string; readonly out: string; readonly ttl?: number }>(async ({ output, options }) => {
        const notAfter = after(systemClock.wall(), options.ttl ?? 7 * DAY_MS);
        const device = addressText(makeToken(options.walletKey, options.out, notAfter, systemRandom));
        output.result({ device, expires_at_ms: notAfter }, `${options.out}: for the device ${device}`);
      }),
    );
}

function withServer(command: Command): Command {
  return command
    .requiredOption('--server <url>', 'https://HOST[:PORT], or http:// on this machine')
    .option('--wallet-key <file>', 'sign as this wallet: its private key, 64 hex digits (mode 0600)')
    .option('--token <file>', 'sign as a device of a wallet: its bearer token (mode 0600)')
    .option('--river-compat', 'believe delegates that never expire, as River does');
}

function deskOf(options: ClientOptions): StreamsDesk {
  return new StreamsDesk({
    caller: new ConnectCaller(options.server),
    author: authorOf(options),
    now: () => systemClock.wall(),
    random: systemRandom,
    forever: options.riverCompat === true ? 'allowed' : 'refused',
  });
}

function authorOf({ walletKey, token }: ClientOptions): Author | undefined {
  if (walletKey !== undefined && token !== undefined)
    throw new MeshError('ERR_USAGE', '--wallet-key and --token exclude each other');
  if (walletKey !== undefined) return authorOfWallet(walletKey);
  return token === undefined ? undefined : authorOfToken(token);
}

async function payloadOf({ stream, invite, join, leave, ...options }: AddOptions, file: string | undefined) {
  const changes = Object.entries({ invite, join, leave }).flatMap(([op, user]) =>
    user === undefined ? [] : [{ op: op as 'invite' | 'join' | 'leave', user }],
  );
  const [change] = changes;
  if (changes.length + (file === undefined ? 0 : 1) !== 1)
    throw new MeshError('ERR_USAGE', 'one of FILE, --invite, --join and --leave is expected');
  if (change !== undefined) {
    const by = authorOf(options)?.creator ?? new Uint8Array(0);
    return membershipPayload(change.op, change.user, by);
  }
  const text = textOfUtf8(await readInput(file as string, EVENT_BYTES_MAX)); // else what is signed is not what was meant
  return messagePayload(stream, text.replace(/\r?\n$/, ''));
}

function show(output: Output, { id, events, blocks, nodes }: Awaited<ReturnType<StreamsDesk['get']>>): void {
  const told = events.map(eventJson);
  const lines = told.map(
    ({ event_hash, creator, delegate, text }) =>
      `${event_hash}  ${creator}${delegate ? ' (device)' : ''}${text === undefined ? '' : `  ${JSON.stringify(text)}`}`,
  );
  output.result(
    { ok: true, stream_id: id.text, blocks, nodes, events: told },
    [...lines, `ok  ${events.length} events in ${blocks} blocks by ${nodes.join(', ')}`].join('\n'),
  );
}

function eventJson({ hash, event, signer, isDelegated }: RiverEvent) {
  const { payload } = event;
  const text = payload === undefined ? undefined : messageTextOf(payload);
  return {
    event_hash: `0x${toHex(hash)}`,
    creator: addressText(event.creatorAddress),
    signer: addressText(signer),
    delegate: isDelegated,
    payload: payload?.number ?? 0,
    ...(text === undefined ? {} : { text }),
  };
}

function streamOption(text: string): StreamId {
  try {
    return parseStreamId(fromHex(text.replace(/^0x/i, '')));
  } catch (error) {
    throw new InvalidArgumentError(isMeshError(error) ? error.message : 'expected 32 bytes in hex');
  }
}

function addressOf(text: string): Bytes {
  if (!/^(0x)?[0-9a-fA-F]{40}$/.test(text)) throw new InvalidArgumentError('expected an address: 20 bytes in hex');
  return fromHex(text.slice(-40));
}
