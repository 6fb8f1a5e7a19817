import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { messageIdResponseSchema } from '../../api/node-gossip.ts';
import { type Bytes, toBase64 } from '../../base/bytes.ts';
import { MeshError, messageOf, quoted } from '../../base/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../base/time.ts';
import { NodeDesk } from '../../daemon/node-desk.ts';
import { PAYLOAD_BYTES_MAX } from '../../message/limits.ts';
import { act, addCommand, durationOption } from '../command.ts';

const STANDARD_INPUT = 0;

interface PublishOptions {
  readonly dir: string;
  readonly type: string;
  readonly ttl?: number;
  readonly audience?: string;
  readonly contentType?: string;
}

/** `chainmail publish` */
export function register(program: Command): void {
  addCommand(
    program,
    'publish <file>',
    'sign a message in the node’s name and send it to the mesh; «-» reads standard input',
    `echo '{"kind":"hash","value":"9f86d081","risk":80}' | chainmail publish --dir DIR --type indicator -`,
  )
    .requiredOption('--dir <dir>', 'directory of the node')
    .requiredOption('--type <type>', 'indicator, sensor/TOPIC or command/NAME')
    .option('--ttl <span>', 'how long it lives, 1s to 7d (default: 1h)', durationOption)
    .option('--audience <who>', 'a node id or role:NAME, where it is not for everybody')
    .option('--content-type <type>', 'media type of the payload')
    .action(
      act<PublishOptions>(async ({ output, options, args }) => {
        const [file = '-'] = args;
        const { type, ttl = HOUR_MS, audience, contentType } = options;
        const desk = new NodeDesk(resolve(options.dir));
        const answer = await desk.call(messageIdResponseSchema, {
          method: 'POST',
          path: '/v1/messages',
          body: {
            type,
            payload: toBase64(readPayload(file)),
            ttl_sec: ttl / SECOND_MS,
            ...(audience === undefined ? {} : { audience }),
            ...(contentType === undefined ? {} : { content_type: contentType }),
          },
        });
        output.result(answer, answer.message_id);
      }),
    );
}

/** At most a byte more than any message holds, so that what is too large is refused for its size. */
function readPayload(file: string): Bytes {
  try {
    const fd = file === '-' ? STANDARD_INPUT : openSync(resolve(file), 'r');
    try {
      const content = new Uint8Array(PAYLOAD_BYTES_MAX + 1);
      let length = 0;
      for (let got = -1; got !== 0 && length < content.length; length += got)
        got = readSync(fd, content, length, content.length - length, null);
      return content.subarray(0, length);
    } finally {
      if (fd !== STANDARD_INPUT) closeSync(fd);
    }
  } catch (error) {
    throw new MeshError('ERR_INPUT', `payload ${quoted(file)} cannot be read: ${messageOf(error)}`);
  }
}
