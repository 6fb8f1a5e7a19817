import type { HttpApp } from '../../server.ts';
import { EventStream } from './event-stream.ts';
import type { ProgramDeps } from '../deps.ts';
import { eventJson } from '../render.ts';

/** `GET /v1/events`: what happens at this node, as server-sent events. The links that stand come first. */
export function getEvents(app: HttpApp, { service }: ProgramDeps): void {
  app.get('/v1/events', async (_request, reply) => {
    const stream = new EventStream(reply);
    for (const { peer, end } of service.node.links)
      stream.send(
        eventJson({ tag: 'link-up', link: end.id, peer, direction: end.direction, address: end.remoteAddress }),
      );
    const end = service.onEvent((event) => {
      if (event.tag !== 'message' || service.node.holdings.isHeard(event.message)) stream.send(eventJson(event));
    });
    stream.onEnd(end);
    return reply;
  });
}
