import type { MessageIdResponse } from '../../../api/node-gossip.ts';
import { signedMessageSchema } from '../../../api/node-programs.ts';
import { parseBody } from '../../../api/schema.ts';
import { fromBase64 } from '../../../base/bytes.ts';
import { parseMessage } from '../../../message/message-reader.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/**
 * `POST /v1/messages/signed`: a message that a program on this machine has signed itself, with a delegate's key. It goes
 * through the gate like any other. 201 once it is on the disk.
 */
export function postMessagesSigned(app: HttpApp, { service }: ProgramDeps): void {
  app.post('/v1/messages/signed', async (request, reply) => {
    const { message } = parseBody(signedMessageSchema, request.body);
    const { mesh, self } = service.node;
    const answer: MessageIdResponse = {
      message_id: await service.submit(parseMessage(mesh, fromBase64(message)), self),
    };
    return reply.code(201).send(answer);
  });
}
