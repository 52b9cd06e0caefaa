/** A SEAMCALL backend of one's own: a module in another process, reached through a Unix-domain socket. */
package com.example.unixsocket;
