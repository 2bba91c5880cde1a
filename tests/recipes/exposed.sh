#!/bin/sh
# Prints the files that other users can read and that contain the token of the file $1, or its secret. Among them are the
# file `trace`, with the arguments of every command of a recipe, and `calls`, with those of the stand-ins.
token=$(grep -oE 'AAEAA[A-Za-z0-9+/]+' "$1")
secret=$(printf %s "$token" | base64 -d 2> /dev/null | cut -d: -f2 | cut -c1-18)
find . -type f -perm /077 -exec grep -lF -e "$token" -e "${secret:?}" {} + | sort
