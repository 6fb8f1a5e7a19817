import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { EnvelopeSchema, StreamEventSchema } from '@towns-protocol/proto/dist/gen/protocol_pb.js';
import { type Bytes, fromBase64, textOfUtf8, toBase64, utf8 } from '../../../../src/base/bytes.ts';
import { ERRORS, type ErrorCode } from '../../../../src/base/error-codes.ts';
import { MeshError } from '../../../../src/base/errors.ts';
import type { UnixMs } from '../../../../src/base/time.ts';
import { bytesField } from '../../../../src/codec/protobuf-wire.ts';
import { SqliteStreamStore } from '../../../../src/host/sqlite/stream-store.ts';
import { systemClock } from '../../../../src/host/machine/system-clock.ts';
import { systemRandom } from '../../../../src/host/machine/system-random.ts';
import { createHttpApp } from '../../../../src/http/server.ts';
import { addStreamRoutes } from '../../../../src/http/streams/routes.ts';
import { ENVELOPE, PAYLOAD, STREAM_EVENT } from '../../../../src/message/river/envelope.ts';
import { checkEventShape } from '../../../../src/message/river/event-shape.ts';
import { parseEvent } from '../../../../src/message/river/parse-event.ts';
import { riverErrorOf } from '../../../../src/message/river/river-error.ts';
import { Authentication } from '../../../../src/streams/authentication.ts';
import { ADD_EVENT, CREATE_STREAM } from '../../../../src/streams/rpc-messages.ts';
import { WalletEpochs } from '../../../../src/streams/wallet-epochs.ts';
import { StreamService } from '../../../../src/streams/stream-service.ts';
import { ALICE, DEVICE, delegatedBytes, eventBytes, MALLORY, seal } from '../../river.ts';
import { channelId, genesis, membership, message } from '../../river-streams.ts';
import { mutateBytes, pick, randomBytes } from '../mutate/mutate-bytes.ts';
import { mutateJson } from '../mutate/mutate-json.ts';
import { mutateProtobuf } from '../mutate/mutate-protobuf.ts';
import { hasStrayField } from './river-strays.ts';
import type { FuzzTarget, Mutator } from '../target.ts';

const INPUTS = 4_000;
const MILLION = 1_000_000;
const BINARY = [mutateBytes, mutateProtobuf, mutateProtobuf, randomBytes];

const CHANNEL = channelId('fuzz');
const PREVIOUS = new Uint8Array(32).fill(3);

function validEvents(): readonly Bytes[] {
  const inbox = { number: PAYLOAD.userInbox, parts: [bytesField(3, bytesField(4, bytesField(1, utf8('device'))))] };
  return [
    eventBytes(),
    delegatedBytes(),
    delegatedBytes(0n, { prevMiniblockNum: 7n, ephemeral: true }),
    eventBytes({ payload: inbox }),
    genesis(CHANNEL).event,
    membership(PREVIOUS, 1, MALLORY).event,
  ];
}

/** What is taken reads the same when written anew; River's clients read it too, and the same, where no field is astray. */
const eventShape: FuzzTarget = {
  name: 'river-event',
  inputs: 2 * INPUTS,
  soakInputs: MILLION,
  open: async () => ({
    corpus: validEvents(),
    mutators: BINARY,
    feed: (input) => {
      checkEventShape(input);
      const ours = STREAM_EVENT.decode(input);
      const again = STREAM_EVENT.decode(STREAM_EVENT.encode(ours));
      const { payload: _before, ...members } = ours;
      const { payload: _after, ...same } = again;
      assert.deepEqual(same, members);
      if (hasStrayField(input, StreamEventSchema)) return;
      const theirs = fromBinary(StreamEventSchema, input);
      assert.deepEqual(new Uint8Array(theirs.creatorAddress), ours.creatorAddress);
      assert.deepEqual(new Uint8Array(theirs.delegateSig), ours.delegateSig);
      assert.deepEqual(new Uint8Array(theirs.salt), ours.salt);
      assert.equal(theirs.prevMiniblockHash?.toHex(), ours.prevMiniblockHash?.toHex());
      assert.equal(theirs.createdAtEpochMs, ours.createdAtEpochMs);
      assert.equal(theirs.delegateExpiryEpochMs, ours.delegateExpiryEpochMs);
      assert.equal(theirs.prevMiniblockNum, ours.prevMiniblockNum);
      assert.equal(theirs.ephemeral, ours.ephemeral);
      assert.equal(theirs.payload.case === undefined, ours.payload === undefined);
    },
  }),
};

/** What is taken has the hash and the event that came, and a signer that the creator stands for. */
const envelope: FuzzTarget = {
  name: 'river-envelope',
  inputs: 1_000,
  soakInputs: MILLION / 20,
  open: async () => ({
    corpus: validEvents().map((event, i) => ENVELOPE.encode(seal(i === 1 || i === 2 ? DEVICE : ALICE, event))),
    mutators: BINARY,
    feed: (input) => {
      const decoded = ENVELOPE.decode(input);
      const { envelope: kept, hash, event, signer, isDelegated } = parseEvent(decoded);
      const theirs = fromBinary(EnvelopeSchema, ENVELOPE.encode(kept)); // what is sent on has our three fields alone
      assert.deepEqual(new Uint8Array(theirs.event), decoded.event);
      assert.deepEqual(hash, decoded.hash);
      if (!isDelegated) assert.deepEqual(event.creatorAddress, signer);
      else assert.deepEqual(event.creatorAddress, ALICE.address); // no other wallet has signed a delegate here
    },
  }),
};

/** Events that somebody signs, whatever is in them: only what the form and the delegate say can refuse them. */
const sealed: FuzzTarget = {
  name: 'river-sealed-event',
  inputs: 1_000,
  soakInputs: MILLION / 20,
  open: async () => ({
    corpus: [eventBytes(), genesis(CHANNEL).event],
    mutators: BINARY,
    feed: (input) => {
      const { event } = parseEvent(seal(ALICE, input));
      assert.deepEqual(event.creatorAddress, ALICE.address);
    },
  }),
};

/** A call as an input is: JSON, the body in base64. */
interface Call {
  readonly method: string;
  readonly type: string;
  readonly body: string;
}

const TYPES = [
  'application/proto',
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/grpc',
];

const mutateCall: Mutator = (random, corpus) => {
  const call = JSON.parse(textOfUtf8(pick(random, corpus))) as Call;
  if (random.chance(0.05)) return callOf({ ...call, type: pick(random, TYPES) });
  const isJson = call.type.startsWith('application/json');
  const mutate = pick(random, isJson ? [mutateJson, mutateJson, mutateBytes] : BINARY);
  return callOf({ ...call, body: toBase64(mutate(random, [fromBase64(call.body)])) });
};

function callOf(call: Call): Bytes {
  return utf8(JSON.stringify(call));
}

/** 200, or an error of Connect with a code of the table in River's words. */
const calls: FuzzTarget = {
  name: 'river-call',
  inputs: 1_500,
  soakInputs: MILLION / 10,
  inputsPerSubject: 2_000,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'chainmail-fuzz-'));
    const store = SqliteStreamStore.open(join(folder, 'streams.db'), 'create');
    const epochs = await WalletEpochs.open(store);
    const deps = { clock: systemClock, random: systemRandom, forever: 'refused', epochs } as const;
    const streams = await StreamService.open({ ...deps, store, wallet: DEVICE, onDeadline: () => {} });
    await streams.createStream(CHANNEL, [genesis(CHANNEL)], undefined);
    const { hash } = await streams.lastBlock(CHANNEL);
    const unexpected: unknown[] = [];
    const app = await createHttpApp({ createServer, rate: undefined });
    addStreamRoutes(app, {
      streams,
      authentication: new Authentication(deps),
      epochs,
      needsSession: false,
      startedAt: 0 as UnixMs,
      version: '1',
      onUnexpected: (error) => unexpected.push(error),
    });
    const other = channelId('fuzz 2');
    const add = { streamId: CHANNEL, event: message(hash, 'x') };
    const begin = { streamId: other, events: [genesis(other)] };
    const json = (method: string, body: object): Bytes =>
      callOf({ method, type: 'application/json', body: toBase64(utf8(JSON.stringify(body))) });
    const proto = (method: string, body: Bytes): Bytes =>
      callOf({ method, type: 'application/proto', body: toBase64(body) });
    return {
      corpus: [
        proto(ADD_EVENT.path, ADD_EVENT.request.encode(add)),
        json(ADD_EVENT.path, ADD_EVENT.request.toJson(add)),
        proto(CREATE_STREAM.path, CREATE_STREAM.request.encode(begin)),
        json(CREATE_STREAM.path, CREATE_STREAM.request.toJson(begin)),
        json('StreamService/GetStream', { streamId: toBase64(CHANNEL), syncCookie: { minipoolGen: '1' } }),
        json('StreamService/GetLastMiniblockHash', { streamId: toBase64(CHANNEL) }),
        json('AuthenticationService/StartAuthentication', { userId: toBase64(ALICE.address) }),
      ],
      mutators: [mutateCall],
      feed: async (input) => {
        const { method, type, body } = JSON.parse(textOfUtf8(input)) as Call;
        const payload = Buffer.from(fromBase64(body));
        const headers = { 'content-type': type };
        const answer = await app.inject({ method: 'POST', url: `/river.${method}`, payload, headers });
        if (unexpected.length > 0) throw new Error(`unexpected: ${String(unexpected[0])}`, { cause: unexpected[0] });
        if (answer.statusCode === 200) return;
        const { error, message: text } = answer.json<{ error: { code: ErrorCode }; message: string }>();
        assert.ok(Object.hasOwn(ERRORS, error.code), error.code);
        const { number, name } = riverErrorOf(error.code);
        assert.ok(text.startsWith(`(${number}:${name}) `) && answer.headers['x-river-error'] === name);
        throw new MeshError(error.code, text);
      },
      close: async () => {
        await app.close();
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

export const RIVER_TARGETS: readonly FuzzTarget[] = [eventShape, envelope, sealed, calls];
