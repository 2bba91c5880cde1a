import { ExitCode } from '../exit-codes.js';
import { manifestOf, parseName, secretNameOf } from '../kubernetes.js';
import { ENTRY_OUTPUTS, type Options, parseOutputName, requiresOption } from '../options.js';
import { toJson } from '../terminal.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { readEntries } from './read-tokens.js';

/** An entry of a tokens file: a qualified name and a stored hash. */
type Entry = readonly [key: string, hash: string];

export const exportTokens: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const write = formatOf(options);
  const entries = await readEntries(invocation, 'copy');
  const chosen = [...entries]
    .filter(([key]) => principal === undefined || key.startsWith(`${principal}/`))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  await terminal.answerNames([write(chosen)]);
  return ExitCode.OK;
};

/** @throws USAGE for an unknown output, or an option that cannot be used with it */
function formatOf(options: Options): (entries: readonly Entry[]) => string {
  const { json = false, name, cluster } = options;
  const output = parseOutputName(options.output, ENTRY_OUTPUTS) ?? (json ? 'json' : 'lines');
  if (json && output !== 'json') throw requiresOption('--json', '--output json');
  if (name !== undefined && output !== 'k8s-secret') throw requiresOption('--name', '--output k8s-secret');
  if (cluster !== undefined && output !== 'eck-secret')
    throw requiresOption('--cluster', '--output eck-secret');
  if (options.namespace !== undefined && !output.endsWith('-secret')) {
    throw requiresOption('--namespace', '--output k8s-secret or eck-secret');
  }
  const namespace = parseName(options.namespace, 'namespace', '--namespace');
  switch (output) {
    case 'lines':
      return linesOf;
    case 'json':
      return (entries) =>
        `${toJson({ tokens: entries.map(([key, hash]) => ({ qualified_name: key, hash })) })}\n`;
    case 'k8s-secret': {
      const secret = { name: parseName(name ?? 'service-tokens', 'secret', '--name'), namespace };
      return (entries) => manifestOf({ ...secret, data: { service_tokens: linesOf(entries) } });
    }
    case 'eck-secret': {
      if (cluster === undefined) throw requiresOption('--output eck-secret', '--cluster');
      const labels = eckLabels(parseName(cluster, 'cluster', '--cluster'));
      return (entries) =>
        entries
          .map(([key, hash]) => {
            // The name must differ from that of the Secret with the bearer, which may be in the same namespace.
            const secret = { name: `${cluster}-${secretNameOf(key)}`, namespace, labels };
            return manifestOf({ ...secret, data: { name: key, hash } });
          })
          .join('---\n');
    }
  }
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map(([key, hash]) => `${key}:${hash}\n`).join('');
}

/** Labels of the Secrets that ECK merges into the tokens file of a cluster; found in its code, not documented. */
function eckLabels(cluster: string): Readonly<Record<string, string>> {
  return {
    'common.k8s.elastic.co/type': 'service-account-token',
    'eck.k8s.elastic.co/watched': 'true',
    'elasticsearch.k8s.elastic.co/cluster-name': cluster,
  };
}
