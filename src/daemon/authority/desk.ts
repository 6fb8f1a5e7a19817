import { createServer } from 'node:http';
import type { z } from 'zod';
import { type Answer, bodyOf } from '../../host/http/call.ts';
import { MeshError, quotedPath } from '../../base/errors.ts';
import type { Secret } from '../../crypto/secret.ts';
import { controlSocketOf } from '../../host/http/control-socket.ts';
import { exchange, isNobodyThere } from '../../host/http/client.ts';
import { systemClock } from '../../host/machine/system-clock.ts';
import { addAuthorityRoutes } from '../../http/authority/routes.ts';
import { createHttpApp } from '../../http/server.ts';
import { formatAddress, splitAddress } from '../../message/payloads/address.ts';
import { type OpenAuthority, openAuthority } from './open.ts';
import { whileBusy } from '../busy-directory.ts';
import { requireAuthorityDirectory } from '../directory.ts';
import { programVersion } from '../version.ts';

/** A command's own time limit: revoking many nodes signs one long list. */
export const AUTHORITY_CALL_MS_MAX = 60_000;

export interface DeskOptions {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Asked for only where no authority runs. */
  readonly passphrase: () => Promise<Secret>;
}

export interface DeskCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

/**
 * The authority of a directory, for commands: through its control socket where it runs, else opened by this process
 * for as long as `use` takes. Either way the same endpoints answer, so a command cannot tell.
 */
export async function withAuthority<T>(options: DeskOptions, use: (desk: AuthorityDesk) => Promise<T>): Promise<T> {
  const { directory } = requireAuthorityDirectory(options.directory);
  const socket = controlSocketOf(directory);
  let asked: Promise<Secret> | undefined;
  const once = { ...options, passphrase: () => (asked ??= options.passphrase()) }; // nobody types it twice
  return whileBusy(async () =>
    (await isRunning(socket))
      ? use(new AuthorityDesk(true, (call) => overSocket(directory, call)))
      : withOpened(once, use),
  );
}

/** Calls of the authority's HTTP interface, as its administrator. */
export class AuthorityDesk {
  readonly #send: (call: DeskCall) => Promise<Answer>;

  /** Whether another process runs the authority; else it is open here, and nobody else can reach it meanwhile. */
  readonly isRunning: boolean;

  constructor(isRunning: boolean, send: (call: DeskCall) => Promise<Answer>) {
    this.isRunning = isRunning;
    this.#send = send;
  }

  /** @throws what the authority answered; ERR_REMOTE where that is not what the interface promises. */
  async call<S extends z.ZodType>(schema: S, call: DeskCall): Promise<z.output<S>> {
    return bodyOf(await this.#send(call), schema, 'the authority');
  }
}

/** Where nodes reach this authority: as it last ran, else as it is configured. */
export async function storedEndpoint({ store, config }: OpenAuthority): Promise<string> {
  const last = await store.transact((tx) => tx.getMeta('endpoint'));
  if (last !== undefined) return last;
  const { host, port } = splitAddress(config.listen, 0);
  return `https://${formatAddress(config.hosts[0] ?? host, port)}`;
}

async function isRunning(socket: string): Promise<boolean> {
  try {
    await exchange({ tag: 'socket', path: socket }, { method: 'GET', path: '/healthz' });
    return true;
  } catch (error) {
    if (isNobodyThere(error)) return false;
    throw error;
  }
}

async function overSocket(directory: string, { method, path, body }: DeskCall): Promise<Answer> {
  const target = { tag: 'socket', path: controlSocketOf(directory) } as const;
  const headers = { accept: 'application/json' };
  try {
    return await exchange(target, { method, path, body, headers, timeoutMs: AUTHORITY_CALL_MS_MAX });
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
    throw new MeshError(
      'ERR_NOT_RUNNING',
      `the authority in ${quotedPath(directory)} has ended meanwhile`,
      `start it: chainmail authority run --dir ${directory}`,
    );
  }
}

async function withOpened<T>(options: DeskOptions, use: (desk: AuthorityDesk) => Promise<T>): Promise<T> {
  const { directory, environment } = options;
  const opened = await openAuthority({ directory, environment, passphrase: await options.passphrase() });
  try {
    const endpoint = await storedEndpoint(opened);
    const app = await createHttpApp({ createServer, rate: undefined });
    addAuthorityRoutes(app, {
      authority: opened.authority,
      endpoint: () => endpoint,
      version: programVersion(),
      clock: systemClock,
      hosts: [],
      credentialOf: () => ({ tag: 'local' }),
      enrollPerMinute: 1,
      notReady: async () => 'the authority does not run',
    });
    const desk = new AuthorityDesk(false, async ({ method, path, body }) => {
      const headers = { accept: 'application/json' };
      const payload = body === undefined ? {} : { payload: body as object };
      const answer = await app.inject({ method, url: path, headers, ...payload });
      return { status: answer.statusCode, body: answer.rawPayload };
    });
    try {
      return await use(desk);
    } finally {
      await app.close();
    }
  } finally {
    await opened.close();
  }
}
