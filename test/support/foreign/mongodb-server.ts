import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { REPOSITORY } from '../../../tools/repository.ts';

const FERRETDB = process.env['CHAINMAIL_FERRETDB'] ?? join(REPOSITORY, '.ci-cache', 'ferretdb');
const NAMED = process.env['CHAINMAIL_MONGODB_URL'];

/** Why tests against a server of the MongoDB protocol cannot run here, for their `skip` option. */
export const missingMongodb: string | false =
  NAMED === undefined &&
  !existsSync(FERRETDB) &&
  'no MongoDB: set CHAINMAIL_MONGODB_URL, or build test/support/foreign/ferretdb';

/** How long a server may take to listen on a busy machine. */
const START_MS_MAX = 30_000;

/** A server of the MongoDB protocol: the one that `CHAINMAIL_MONGODB_URL` names, or a FerretDB of its own. */
export class MongodbServer {
  readonly #folder: string | undefined;
  readonly #port: number;
  #process: ChildProcess | undefined;
  #databases = 0;

  private constructor(folder: string | undefined, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async start(): Promise<MongodbServer> {
    if (NAMED !== undefined) return new MongodbServer(undefined, 0);
    const server = new MongodbServer(mkdtempSync(join(tmpdir(), 'chainmail-ferretdb-')), await freePort());
    await server.restart();
    return server;
  }

  /** The address of a database that nobody has used. */
  newDatabase(): string {
    const name = `chainmail_test_${process.pid}_${Date.now()}_${this.#databases++}`;
    if (NAMED === undefined) return `mongodb://127.0.0.1:${this.#port}/${name}`;
    const url = new URL(NAMED);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** Whether it may be killed: a server that somebody named is theirs. */
  get isOurs(): boolean {
    return this.#folder !== undefined;
  }

  /** Kills the process at once, as a crash does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** Starts it on the data that it had. */
  async restart(): Promise<void> {
    if (this.#folder === undefined) return;
    this.#process = spawn(FERRETDB, [`127.0.0.1:${this.#port}`, this.#folder], { stdio: 'ignore' });
    for (let waitedMs = 0; !(await answers(this.#port)); waitedMs += 50) {
      if (waitedMs > START_MS_MAX) throw new Error('FerretDB does not listen');
      await pause(50);
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
