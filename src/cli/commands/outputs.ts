/** The values of --output: for commands that hand over a token, for `ensure`, and for `export`. */
export const TOKEN_OUTPUTS = ['line', 'token', 'env', 'json', 'k8s-secret'] as const;
export const HELD_OUTPUTS = ['token', 'env'] as const;
export const ENTRY_OUTPUTS = ['lines', 'json', 'k8s-secret', 'eck-secret'] as const;
