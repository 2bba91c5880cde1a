import { manifestOf, requireValid, secretNameOf } from '../kubernetes.js';
import { ENTRY_OUTPUTS, type Options, parseOutputName, requiresOption } from '../options.js';
import { toJson } from '../terminal.js';
import { parsePrincipalArgument } from './arguments.js';
import type { Command } from './command.js';
import { type Entry, readEntries, sortedEntries } from './read-tokens.js';

export const exportTokens: Command = async (invocation) => {
  const { args, options, version, terminal } = invocation;
  const principal = parsePrincipalArgument(args, version);
  const write = formatOf(options);
  const entries = await readEntries(invocation, 'copy');
  await terminal.answerNames([write(sortedEntries(entries, principal))]);
};

/** @throws USAGE for an unknown output, or an option that cannot be used with it */
function formatOf(options: Options): (entries: readonly Entry[]) => string {
  const { json = false, name, namespace, cluster } = options;
  const output = parseOutputName(options.output, ENTRY_OUTPUTS) ?? (json ? 'json' : 'lines');
  if (json && output !== 'json') throw requiresOption('--json', '--output json');
  if (name !== undefined && output !== 'k8s-secret') throw requiresOption('--name', '--output k8s-secret');
  if (cluster !== undefined && output !== 'eck-secret')
    throw requiresOption('--cluster', '--output eck-secret');
  if (namespace !== undefined && !output.endsWith('-secret'))
    throw requiresOption('--namespace', '--output k8s-secret or eck-secret');
  requireValid(namespace, 'namespace', '--namespace');
  switch (output) {
    case 'lines':
      return linesOf;
    case 'json':
      return (entries) => {
        const tokens = entries.map(([key, hash]) => ({ qualified_name: key, hash }));
        return `${toJson({ tokens })}\n`;
      };
    case 'k8s-secret': {
      requireValid(name, 'secret', '--name');
      const secret = name ?? 'service-tokens';
      return (entries) => manifestOf(secret, namespace, { service_tokens: linesOf(entries) });
    }
    case 'eck-secret': {
      if (cluster === undefined) throw requiresOption('--output eck-secret', '--cluster');
      requireValid(cluster, 'cluster', '--cluster');
      // Of the Secrets that ECK merges into the tokens file of a cluster; found in its code, not documented.
      const labels = {
        'common.k8s.elastic.co/type': 'service-account-token',
        'eck.k8s.elastic.co/watched': 'true',
        'elasticsearch.k8s.elastic.co/cluster-name': cluster,
      };
      // The name must differ from that of the Secret with the bearer, which may be in the same namespace.
      const manifest = ([key, hash]: Entry) =>
        manifestOf(`${cluster}-${secretNameOf(key)}`, namespace, { name: key, hash }, labels);
      return (entries) => entries.map(manifest).join('---\n');
    }
  }
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map(([key, hash]) => `${key}:${hash}\n`).join('');
}
