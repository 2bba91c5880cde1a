# The attacker: another user who changes names while a command runs.
#
#     perl attacker.pl UID GID[,GROUP...]
#
# It takes on that identity and reads orders from standard input, one per line, with tabs between the words. It answers
# each with a line: "done", "absent" (no such name), or "denied" with the system's reason. The move is made before the
# answer, so that attacks are deterministic. Orders for races answer "racing", and run until SIGTERM, when they print the
# number of exchanges.
#
#     place DIRECTORY PATTERN... KIND TARGET   replace a name; a pattern is "=name", or a regular expression, which
#                                              selects the first matching name
#     back                                     undo the last move
#     collect                                  end the turn, and print the data of the pipes that were held open, in hex
#     swap [PATH KIND TARGET]...               exchange these names in turn
#     chase DIRECTORY PATTERN... KIND TARGET   exchange each matching name back and forth, as soon as it exists
use strict;
use warnings;
use Fcntl;
use POSIX ();

my ($uid, $groups) = @ARGV;
my ($gid) = my @groups = split /,/, $groups;
$) = "$gid @groups";
POSIX::setgid($gid) or die "setgid: $!";
POSIX::setuid($uid) or die "setuid: $!";
die 'not the user that was asked for' unless $< == $uid && $> == $uid && !POSIX::setuid(0);
umask 0;
$| = 1;
chdir '/';

my $RENAMEAT2 = { x86_64 => 316, aarch64 => 276 }->{ (POSIX::uname())[4] } or die 'which number has renameat2 here?';
my $AT_FDCWD = -100;
my $EXCHANGE = 2;
my ($count, $made, @held, @last) = (0, 0);

sub exchange {
    my ($from, $to) = @_;
    return syscall($RENAMEAT2, $AT_FDCWD, $from, $AT_FDCWD, $to, $EXCHANGE) == 0;
}

sub first_match {
    my ($directory, $pattern) = @_;
    return $1 if $pattern =~ /^=(.*)/;
    opendir(my $handle, $directory) or return;
    return (sort grep { !/^\.\.?$/ && /$pattern/ } readdir $handle)[0];
}

my %make = (
    link => sub { my ($at, $target) = @_; symlink $target, $at },
    'hard-link' => sub { my ($at, $target) = @_; link $target, $at },
    pipe => sub { my ($at) = @_; POSIX::mkfifo($at, 0666) },
    'held-pipe' => sub {
        my ($at) = @_;
        POSIX::mkfifo($at, 0666) && sysopen(my $handle, $at, O_RDWR | O_NONBLOCK) or return;
        push @held, $handle;
    },
    directory => sub { my ($at) = @_; mkdir $at, 0777 },
    'full-directory' => sub {
        my ($at) = @_;
        mkdir $at, 0777 or return;
        for my $name ('service_tokens', 'other') { open(my $handle, '>', "$at/$name") or return }
        return 1;
    },
    nothing => sub { 1 },
    thing => sub { 1 },    # the target itself, which was made before
);

sub replacement {
    my ($beside, $kind, $target) = @_;
    return $target if $kind eq 'thing';
    my $at = "$beside/.w" . $count++;
    $make{$kind}->($at, $target) or return;
    return $at;
}

sub place {
    my ($directory, @words) = @_;
    my ($kind, $target) = splice @words, -2;
    my $last = pop @words;
    for my $pattern (@words) {
        my $name = first_match($directory, $pattern) // return 'absent';
        $directory .= "/$name";
        mkdir $directory, 0777 if $pattern =~ /^=/;
    }
    my $name = first_match($directory, $last) // return 'absent';
    my $path = "$directory/$name";
    my $is_there = lstat $path;
    if ($kind eq 'nothing') {
        return 'absent' unless $is_there;
        return rename($path, "$directory/.w" . $count++) ? 'done' : "denied $!";
    }
    my $new = replacement($directory, $kind, $target) // return "denied $!";
    @last = ($is_there ? \&exchange : sub { rename $_[1], $_[0] }, $new, $path);
    return ($is_there ? exchange($new, $path) : rename($new, $path)) ? 'done' : "denied $!";
}

sub back {
    my ($undo, @names) = @last;
    return $undo->(@names) ? 'done' : "denied $!";
}

sub collect {
    my $text = '';
    for my $handle (@held) { 1 while sysread $handle, $text, 65536, length $text }
    (@held, @last) = ();
    $count = 0;
    return 'done ' . unpack 'H*', $text;
}

sub swap {
    my @pairs;
    while (my ($path, $kind, $target) = splice @_, 0, 3) {
        my ($beside) = $path =~ m{(.*)/};
        push @pairs, [replacement($beside, $kind, $target) // die("$path: $!"), $path];
    }
    print "racing\n";
    while (1) {
        for my $pair (@pairs) { exchange(@$pair) && $made++ }
    }
}

sub chase {
    print "racing\n";
    while (1) {
        next unless place(@_) eq 'done';
        $made++;
        my (undef, @names) = @last;
        $made++ while exchange(@names);
    }
}

$SIG{TERM} = sub { print "$made\n"; exit };
my %orders = (
    place => \&place,
    back => \&back,
    collect => \&collect,
    swap => \&swap,
    chase => \&chase,
);
while (my $line = <STDIN>) {
    chomp $line;
    my ($order, @words) = split /\t/, $line, -1;
    my $answer = eval { $orders{$order}->(@words) } // "failed $@";
    $answer =~ s/\s+$//;
    print "$answer\n";
}
