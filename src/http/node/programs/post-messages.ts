import type { MessageIdResponse } from '../../../api/node-gossip.ts';
import { publishRequestSchema } from '../../../api/node-programs.ts';
import { parseBody } from '../../../api/schema.ts';
import { fromBase64 } from '../../../base/bytes.ts';
import { MeshError } from '../../../base/errors.ts';
import { SECOND_MS } from '../../../base/time.ts';
import { parseAudience } from '../../../message/audience.ts';
import { parseMessageType } from '../../../message/family.ts';
import type { HttpApp } from '../../server.ts';
import type { ProgramDeps } from '../deps.ts';

/** `POST /v1/messages`: says something in this node's name. 201 once it is on the disk. */
export function postMessages(app: HttpApp, { service }: ProgramDeps): void {
  app.post('/v1/messages', async (request, reply) => {
    const body = parseBody(publishRequestSchema, request.body);
    const type = parseMessageType(body.type);
    if (type.family === 'record')
      throw new MeshError('ERR_MESSAGE_NOT_PERMITTED', 'a node publishes its record by itself');
    const answer: MessageIdResponse = {
      message_id: await service.publish({
        type,
        payload: fromBase64(body.payload),
        ttlMs: body.ttl_sec * SECOND_MS,
        audience: body.audience === undefined ? undefined : parseAudience(body.audience),
        contentType: body.content_type,
      }),
    };
    return reply.code(201).send(answer);
  });
}
