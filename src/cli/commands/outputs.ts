/** The values of --output: of the commands that hand a token over, of `ensure`, and of `export`. */
export const TOKEN_OUTPUTS = ['line', 'token', 'env', 'json', 'k8s-secret'] as const;
export const HELD_OUTPUTS = ['token', 'env'] as const;
export const ENTRY_OUTPUTS = ['lines', 'json', 'k8s-secret', 'eck-secret'] as const;
