//! Enums whose members cross the boundary to JavaScript by number, and are written by name.

/// An enum with a number and a stable name for each member: `Member = "name"`, numbered from 0 in their order.
macro_rules! numbered {
    ($(#[$meta:meta])* $vis:vis enum $Enum:ident { $($(#[$doc:meta])* $Member:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[repr(u8)]
        $vis enum $Enum { $($(#[$doc])* $Member,)* }

        impl $Enum {
            /// The members, in the order of their numbers.
            #[allow(dead_code)] // not all of them come back by number
            $vis const ALL: &[Self] = &[$(Self::$Member,)*];

            /// The stable name.
            #[allow(dead_code)]
            $vis const fn code(self) -> &'static str {
                match self {
                    $(Self::$Member => $name,)*
                }
            }
        }
    };
}

pub(crate) use numbered;
