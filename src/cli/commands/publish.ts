import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { messageIdResponseSchema } from '../../api/node-gossip.ts';
import { type Bytes, concatBytes, toBase64 } from '../../base/bytes.ts';
import { isMeshError, MeshError, messageOf, quoted } from '../../base/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../base/time.ts';
import { PAYLOAD_BYTES_MAX } from '../../message/limits.ts';
import { act, addCommand, durationOption } from '../command.ts';
import { nodeDeskOf, type NodeDirectoryOptions, withNodeDirectory } from '../node-directory.ts';

interface PublishOptions extends NodeDirectoryOptions {
  readonly type: string;
  readonly ttl?: number;
  readonly audience?: string;
  readonly contentType?: string;
}

/** `chainmail publish` */
export function register(program: Command): void {
  withNodeDirectory(
    addCommand(
      program,
      'publish <file>',
      'sign a message in the node’s name and send it to the mesh; «-» reads standard input',
      `echo '{"kind":"hash","value":"9f86d081","risk":80}' | chainmail publish --dir DIR --type indicator -`,
    ),
  )
    .requiredOption('--type <type>', 'indicator, sensor/TOPIC or command/NAME')
    .option('--ttl <span>', 'how long it lives, 1s to 7d in whole seconds (default: 1h)', durationOption)
    .option('--audience <who>', 'a node id or role:NAME, where it is not for everybody')
    .option('--content-type <type>', 'media type of the payload')
    .action(
      act<PublishOptions>(async ({ output, options, args }) => {
        const [file = '-'] = args;
        const { type, ttl = HOUR_MS, audience, contentType } = options;
        if (ttl % SECOND_MS !== 0) throw new MeshError('ERR_USAGE', '--ttl: expected 1s to 7d in whole seconds');
        const desk = nodeDeskOf(options);
        const answer = await desk.call(messageIdResponseSchema, {
          method: 'POST',
          path: '/v1/messages',
          body: {
            type,
            payload: toBase64(await readPayload(file)),
            ttl_sec: ttl / SECOND_MS,
            ...(audience === undefined ? {} : { audience }),
            ...(contentType === undefined ? {} : { content_type: contentType }),
          },
        });
        output.result(answer, answer.message_id);
      }),
    );
}

/** @throws ERR_INPUT where it cannot be read; ERR_MESSAGE_PAYLOAD where no message holds so much: it is not read on. */
async function readPayload(file: string): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  try {
    const source = file === '-' ? process.stdin : createReadStream(resolve(file));
    for await (const part of source as AsyncIterable<Bytes>) {
      parts.push(part);
      length += part.length;
      if (length > PAYLOAD_BYTES_MAX)
        throw new MeshError(
          'ERR_MESSAGE_PAYLOAD',
          `payload ${quoted(file)} is larger than ${PAYLOAD_BYTES_MAX} bytes, the most that a message holds`,
        );
    }
  } catch (error) {
    if (isMeshError(error)) throw error;
    throw new MeshError(
      'ERR_INPUT',
      `payload ${quoted(file)} cannot be read: ${messageOf(error)}`,
      'name a file, or «-» for standard input',
    );
  }
  return concatBytes(...parts);
}
