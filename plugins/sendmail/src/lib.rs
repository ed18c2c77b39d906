//! Postrider transport over a local sendmail program.
