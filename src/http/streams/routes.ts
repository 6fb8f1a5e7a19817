import type { FastifyError, FastifyRequest } from 'fastify';
import type { Bytes } from '../../base/bytes.ts';
import { MeshError } from '../../base/errors.ts';
import type { UnixMs } from '../../base/time.ts';
import type { Authentication } from '../../streams/authentication.ts';
import {
  ADD_EVENT,
  CREATE_STREAM,
  FINISH_AUTHENTICATION,
  GET_STREAM,
  INFO,
  LAST_MINIBLOCK,
  type RpcMethod,
  START_AUTHENTICATION,
} from '../../streams/rpc-messages.ts';
import type { WalletEpochs } from '../../streams/wallet-epochs.ts';
import type { StreamService } from '../../streams/stream-service.ts';
import type { HttpApp } from '../server.ts';
import { postWalletEpochs } from './post-wallet-epochs.ts';
import { AnswersUnderWay, answerCall, callError, type Procedure, refuseCall } from './connect.ts';

/** Largest body: an event of River's largest size, in base64, and a little. Judged before it is read. */
export const CALL_BYTES_MAX = 2 * 1024 * 1024;

/** What the calls stand on. */
export interface StreamRoutesDeps {
  readonly streams: StreamService;
  readonly authentication: Authentication;
  readonly epochs: WalletEpochs;
  /** Whether who creates, adds or reads must show a session, and reads only streams of the own. Events speak for themselves. */
  readonly needsSession: boolean;
  readonly startedAt: UnixMs;
  readonly version: string;
  readonly onUnexpected: (error: unknown) => void;
}

/** `river.StreamService` and `river.AuthenticationService` over the Connect protocol: unary POSTs, proto or JSON. */
export function addStreamRoutes(app: HttpApp, deps: StreamRoutesDeps): void {
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    for (const type of ['application/proto', 'application/json'])
      scope.addContentTypeParser(
        type,
        { parseAs: 'buffer', bodyLimit: CALL_BYTES_MAX },
        async (_request: unknown, body: unknown) => body,
      );
    scope.setErrorHandler((error, request, reply) => {
      const told = callError(frameworkError(error));
      if (told.code === 'ERR_INTERNAL' || told.code === 'ERR_STORAGE') deps.onUnexpected(error);
      refuseCall(told, request, reply);
    });
    const answers = new AnswersUnderWay();
    addStreamCalls(scope, answers, deps);
    addAuthenticationCalls(scope, answers, deps);
    postWalletEpochs(scope, deps);
    for (const service of ['StreamService', 'AuthenticationService']) refuseOtherCalls(scope, service);
  });
}

/** Methods of River that are not served: told in Connect's words, before a body of whatever type is read. */
function refuseOtherCalls(app: HttpApp, service: string): void {
  const refuse = async (): Promise<never> => {
    throw new MeshError('ERR_NOT_FOUND', `${service} has no such method here`);
  };
  app.post(`/river.${service}/*`, { preParsing: refuse }, refuse);
}

function addStreamCalls(app: HttpApp, answers: AnswersUnderWay, deps: StreamRoutesDeps): void {
  const { streams, startedAt, version } = deps;
  addCall(app, answers, INFO, () => ({ graffiti: 'chainmail', startTime: startedAt, version }));
  addCall(app, answers, CREATE_STREAM, async ({ streamId, events }, http) => {
    return { stream: await streams.createStream(streamId, events, readerOf(deps, http)) };
  });
  addCall(app, answers, ADD_EVENT, async ({ streamId, event }, http) => {
    readerOf(deps, http);
    return { newEvents: await streams.addEvent(streamId, event) };
  });
  addCall(app, answers, GET_STREAM, async ({ streamId, optional, syncCookie }, http) => {
    const stream = await streams.getStream(streamId, syncCookie, optional, readerOf(deps, http));
    return stream === undefined ? {} : { stream };
  });
  addCall(app, answers, LAST_MINIBLOCK, async ({ streamId }, http) => {
    readerOf(deps, http);
    const { hash, number } = await streams.lastBlock(streamId);
    return { hash, miniblockNum: BigInt(number) };
  });
}

function addAuthenticationCalls(app: HttpApp, answers: AnswersUnderWay, { authentication }: StreamRoutesDeps): void {
  addCall(app, answers, START_AUTHENTICATION, ({ userId }) => {
    const { bytes, expiresAt } = authentication.start(userId);
    return { userId, challenge: bytes, expiration: expiresAt };
  });
  addCall(app, answers, FINISH_AUTHENTICATION, ({ userId, challenge, ...answer }) => ({
    sessionToken: authentication.finish(challenge, userId, answer),
  }));
}

function addCall<Request, Response>(
  app: HttpApp,
  answers: AnswersUnderWay,
  method: RpcMethod<Request, Response>,
  call: Procedure<Request, Response>['call'],
): void {
  const procedure = { ...method, call };
  app.post(`/river.${method.path}`, { bodyLimit: CALL_BYTES_MAX }, (request, reply) =>
    answerCall(procedure, answers, request, reply),
  );
}

/**
 * Whose session the call shows, its token as a bearer's (RFC 6750), or alone, as River's clients send it.
 * @returns `undefined` where none is needed.
 * @throws ERR_SESSION
 */
function readerOf({ needsSession, authentication }: StreamRoutesDeps, { headers }: FastifyRequest): Bytes | undefined {
  return needsSession ? authentication.userOf(headers.authorization?.replace(/^Bearer /i, '')) : undefined;
}

/** The framework's own refusals in our words. */
function frameworkError(error: unknown): unknown {
  const { code } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new MeshError('ERR_BODY_TOO_LARGE', `body is larger than ${CALL_BYTES_MAX} bytes`, 'send less at once');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new MeshError('ERR_MEDIA_TYPE', 'the body is of another type', 'send application/proto or application/json');
  if (code?.startsWith('FST_ERR_CTP_') === true)
    return new MeshError('ERR_INPUT', 'the body is not what the headers say');
  return error;
}
