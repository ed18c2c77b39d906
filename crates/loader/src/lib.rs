//! Opens and checks Postrider plugins at run time.
