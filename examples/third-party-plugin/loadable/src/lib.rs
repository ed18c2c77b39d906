//! Outgoing `lmtp`, for hosts that load it at run time.

// docs: export
postrider_abi::export_plugin!(postrider_lmtp::FACTORY);
// docs: end
