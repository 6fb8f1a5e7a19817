import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { after, before, describe, it, type TestContext } from 'node:test';
import { MongoError } from 'mongodb';
import { utf8 } from '../../../../src/base/bytes.ts';
import { isMeshError } from '../../../../src/base/errors.ts';
import { MongoRecordStore } from '../../../../src/host/signer/mongo/record-store.ts';
import type { NewRecord } from '../../../../src/ports/record-store.ts';
import { MongodbServer, missingMongodb } from '../../../support/foreign/mongodb-server.ts';

/** More in one question than a socket takes that nobody reads, and less than a document may have. */
const RECORD_BYTES = 32 * 1024;
const RECORDS = 400;

let server: MongodbServer;
before(async () => {
  if (missingMongodb === false) server = await MongodbServer.start();
});
after(async () => {
  if (missingMongodb === false) await server.stop();
});

/** A relay to the database; what it has of a client is let go of in one moment. */
class Relay {
  readonly port: number;
  readonly address: string;
  /** Reads nothing more of a client that sends much, and resets the connection instead. */
  isTrap = false;

  private constructor(port: number, address: string) {
    this.port = port;
    this.address = address;
  }

  static async start(t: TestContext): Promise<Relay> {
    const target = new URL(server.newDatabase());
    const upstreamPort = Number(target.port);
    const listener = createServer((client) => {
      const upstream = connect(upstreamPort, target.hostname);
      client.on('error', () => {}).on('close', () => upstream.destroy());
      upstream.on('error', () => client.destroy()).on('close', () => client.destroy());
      upstream.pipe(client);
      client.on('data', (bytes) => {
        if (!relay.isTrap || bytes.length < RECORD_BYTES) return upstream.write(bytes);
        client.pause();
        return setImmediate(() => client.resetAndDestroy());
      });
    });
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    t.after(() => listener.close());
    const { port } = listener.address() as AddressInfo;
    target.port = String(port);
    const relay = new Relay(port, `${target.href}?retryWrites=false&retryReads=false`);
    return relay;
  }
}

/** What the driver threw, of what the store said. */
async function causeOf(work: Promise<unknown>): Promise<Error> {
  const error: unknown = await work.then(
    () => assert.fail('it went well'),
    (thrown: unknown) => thrown,
  );
  assert.ok(isMeshError(error), String(error));
  assert.equal(error.code, 'ERR_STORE');
  assert.ok(error.cause instanceof Error);
  return error.cause;
}

describe('a connection to the database that breaks', { skip: missingMongodb }, () => {
  it('while much is written to it: the store is away, and that is no fault in the program', async (t) => {
    const relay = await Relay.start(t);
    const store = await MongoRecordStore.open(relay.address);
    t.after(() => store.close());
    const records = Array.from({ length: RECORDS }, (_, i) => ({
      id: `${i}`.padEnd(RECORD_BYTES),
      message: utf8('m'),
    }));
    await store.counts();
    relay.isTrap = true;
    const cause = await causeOf(store.add(records));
    assert.ok(!(cause instanceof MongoError), 'the driver says this itself by now');
    relay.isTrap = false;
    assert.equal((await store.counts()).unsigned, 0);
  });

  it('that the other side has ended and nobody has noticed: the socket’s own error, before any system call', async (t) => {
    const relay = await Relay.start(t);
    const store = await MongoRecordStore.open(relay.address);
    t.after(() => store.close());
    await store.counts();
    // As Node.js does between the end of what is read and the close.
    const mocked = t.mock.method(Socket.prototype, 'write', function (this: Socket, ...args: [never, never]): boolean {
      if (this.remotePort !== relay.port) return Duplex.prototype.write.apply(this, args);
      this.destroy(Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' }));
      return false;
    });
    const cause = await causeOf(store.counts());
    assert.equal((cause as NodeJS.ErrnoException).code, 'EPIPE');
    mocked.mock.restore();
    assert.equal((await store.counts()).unsigned, 0);
  });

  it('leaves a mistake in our own calls what it is', async (t) => {
    const relay = await Relay.start(t);
    const store = await MongoRecordStore.open(relay.address);
    t.after(() => store.close());
    await assert.rejects(store.add([undefined as unknown as NewRecord]), TypeError);
  });
});
