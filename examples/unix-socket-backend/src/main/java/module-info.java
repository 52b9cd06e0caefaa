/** A SEAMCALL backend of one's own: a module in another process, reached through a Unix-domain socket. */
module com.example.unixsocket {
    requires transitive dev.pamt.seamcall;

    exports com.example.unixsocket;

    uses dev.pamt.seamcall.SeamcallProviderFactory;

    provides dev.pamt.seamcall.SeamcallProviderFactory with
            com.example.unixsocket.UnixSocketFactory;
}
